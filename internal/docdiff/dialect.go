package docdiff

import (
	"encoding/json"
	"maps"
	"math"
	"mime"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/flatten/allof"

	"github.com/nudgehq/nudge/internal/openapi"
)

// normalize writes what can be said in several ways in one: as OpenAPI 3.1 does, and as short as may be. Only then two documents
// that say the same are the same. Where the parts of an allOf contradict each other, they stay as they are in both.
func normalize(both ...*loaded) error {
	merged := true
	for _, l := range both {
		l.normalSchemas()
		merged = l.mergeParts() && merged
	}
	for _, l := range both {
		if !merged {
			again, err := read(l.Document)
			if err != nil {
				return err
			}
			l.spec = again.spec
		}
		// What was merged, or read again, has no normal form yet.
		l.normalSchemas()
		for _, item := range l.spec.Paths.Map() {
			for _, op := range item.Operations() {
				normalBodies(op)
			}
		}
	}
	return nil
}

func normalBodies(op *openapi3.Operation) {
	if op.RequestBody != nil && op.RequestBody.Value != nil {
		op.RequestBody.Value.Content = normalContent(op.RequestBody.Value.Content)
	}
	for _, ref := range op.Responses.Map() {
		if ref != nil && ref.Value != nil {
			ref.Value.Content = normalContent(ref.Value.Content)
		}
	}
}

// mergeParts makes one schema of the parts of each allOf; ok is false where some contradict each other.
func (l *loaded) mergeParts() (ok bool) {
	origins := map[*openapi3.Schema]*openapi3.Origin{}
	some := false
	openapi.Schemas(l.spec, func(s *openapi3.Schema) {
		origins[s] = s.Origin
		some = some || len(s.AllOf) > 0
	})
	if !some {
		return true
	}
	if _, err := allof.MergeSpec(l.spec); err != nil {
		return false
	}
	openapi.Schemas(l.spec, func(s *openapi3.Schema) {
		if s.Origin == nil {
			// Merging forgets where it was.
			s.Origin = origins[s]
		}
	})
	return true
}

// normalSchemas writes all schemas in their normal form: parts before what they are a part of, which may take over what they say.
func (l *loaded) normalSchemas() {
	seen := map[*openapi3.Schema]bool{}
	if c := l.spec.Components; c != nil {
		// In one order: schemas that contain each other are begun somewhere.
		for _, name := range slices.Sorted(maps.Keys(c.Schemas)) {
			partsFirst(c.Schemas[name], seen)
		}
	}
	openapi.Schemas(l.spec, func(s *openapi3.Schema) { partsFirst(&openapi3.SchemaRef{Value: s}, seen) })
}

func partsFirst(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	for _, part := range slices.Concat(s.AllOf, s.OneOf, s.AnyOf, openapi3.SchemaRefs{s.Items, s.Not, s.AdditionalProperties.Schema}) {
		partsFirst(part, seen)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		partsFirst(s.Properties[name], seen)
	}
	normal(s)
}

// normal is the normal form of a schema.
func normal(s *openapi3.Schema) {
	if s.Const != nil && s.Enum == nil {
		s.Enum, s.Const = []any{s.Const}, nil
	}
	onlyChoice(s)
	foldNull(s)
	foldChoices(s)
	types := slices.Clone(s.Type.Slice())
	if s.Nullable && len(types) > 0 {
		types = append(types, "null")
	}
	s.Nullable = false
	if len(types) > 0 {
		// In one order, once each.
		slices.Sort(types)
		all := openapi3.Types(slices.Compact(types))
		s.Type = &all
	}
	normalBounds(s)
	switch {
	case s.ContentEncoding == "base64":
		s.Format, s.ContentEncoding = "byte", ""
	case s.ContentMediaType == "application/octet-stream" && s.ContentEncoding == "":
		s.Format, s.ContentMediaType = "binary", ""
		text := openapi3.Types{"string"}
		s.Type = &text
	}
	if d := s.Discriminator; d != nil {
		for value, target := range maps.Clone(d.Mapping) {
			if !strings.Contains(target.Ref, "/") {
				target.Ref = "#/components/schemas/" + target.Ref
			}
			// What is said without it.
			if d.Mapping[value] = target; strings.HasSuffix(target.Ref, "/"+value) {
				delete(d.Mapping, value)
			}
		}
	}
	for _, ref := range slices.Concat(s.AnyOf, s.OneOf) {
		if ref != nil && ref.Value != nil && ref.Ref == "" {
			// Notes on an alternative do not make it another one.
			ref.Value.Title, ref.Value.Description, ref.Value.Example, ref.Value.Examples = "", "", nil, nil
		}
	}
}

// onlyChoice is a schema whose one part says all of it.
func onlyChoice(s *openapi3.Schema) {
	for _, parts := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		if len(parts) != 1 || parts[0] == nil || parts[0].Value == nil || parts[0].Value == s || len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) != 1 || !saysNothingElse(s) {
			continue
		}
		only := *parts[0].Value
		only.Nullable = only.Nullable || s.Nullable
		if s.Description != "" {
			only.Description = s.Description
		}
		only.ReadOnly, only.WriteOnly = only.ReadOnly || s.ReadOnly, only.WriteOnly || s.WriteOnly
		only.Default = orElse(s.Default, only.Default)
		only.Origin = s.Origin
		*s = only
		return
	}
}

func orElse(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

// saysNothingElse tells whether a schema has nothing but parts and notes.
func saysNothingElse(s *openapi3.Schema) bool {
	bare := *s
	bare.AllOf, bare.AnyOf, bare.OneOf = nil, nil, nil
	bare.Title, bare.Description, bare.Example, bare.Examples, bare.Default = "", "", nil, nil, nil
	bare.Nullable, bare.ReadOnly, bare.WriteOnly, bare.Deprecated, bare.Extensions, bare.ExternalDocs, bare.Origin = false, false, false, false, nil, nil, nil
	text, err := json.Marshal(&bare)
	return err == nil && string(text) == "{}"
}

// foldNull makes a type of the alternative null, where the other one has a type.
func foldNull(s *openapi3.Schema) {
	for _, parts := range []*openapi3.SchemaRefs{&s.AnyOf, &s.OneOf} {
		at := slices.IndexFunc(*parts, func(ref *openapi3.SchemaRef) bool {
			return ref != nil && ref.Value != nil && ref.Value.Type.Is("null")
		})
		if at < 0 || len(*parts) != 2 || len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) != 2 || !saysNothingElse(s) {
			continue
		}
		other := (*parts)[1-at]
		if other == nil || other.Value == nil || other.Value == s || len(other.Value.Type.Slice()) == 0 {
			continue
		}
		only := *other.Value
		only.Nullable, only.Origin = true, s.Origin
		if s.Description != "" {
			only.Description = s.Description
		}
		if only.Enum != nil && !slices.Contains(only.Enum, nil) {
			only.Enum = append(slices.Clone(only.Enum), nil)
		}
		only.Default = orElse(s.Default, only.Default)
		*s = only
		return
	}
}

// foldChoices makes a list of the alternatives that are one value each.
func foldChoices(s *openapi3.Schema) {
	choices := s.OneOf
	if len(choices) == 0 {
		choices = s.AnyOf
	}
	if len(choices) < 2 || s.Enum != nil || len(s.OneOf)+len(s.AnyOf) != len(choices) {
		return
	}
	var values []any
	var types []string
	for _, ref := range choices {
		if ref == nil || ref.Value == nil || ref.Ref != "" {
			return
		}
		only := *ref.Value
		if only.Const != nil && only.Enum == nil {
			only.Enum, only.Const = []any{only.Const}, nil
		}
		if len(only.Enum) != 1 {
			return
		}
		values = append(values, only.Enum[0])
		types = append(types, only.Type.Slice()...)
		only.Enum, only.Type = nil, nil
		if !saysNothingElse(&only) {
			return
		}
	}
	s.Enum, s.OneOf, s.AnyOf = values, nil, nil
	if slices.Sort(types); len(types) > 0 && s.Type == nil {
		all := openapi3.Types(slices.Compact(types))
		s.Type = &all
	}
}

// normalBounds writes the bounds of integers as inclusive ones, and exclusive ones of other numbers as numbers.
func normalBounds(s *openapi3.Schema) {
	whole := s.Type.Is("integer") || len(s.Type.Slice()) == 2 && slices.Contains(s.Type.Slice(), "integer") && slices.Contains(s.Type.Slice(), "null")
	for _, b := range []struct {
		bound     **float64
		exclusive *openapi3.ExclusiveBound
		next      func(float64) float64
		stronger  func(a, b float64) bool
	}{
		{&s.Min, &s.ExclusiveMin, func(f float64) float64 { return math.Floor(f) + 1 }, func(a, b float64) bool { return a > b }},
		{&s.Max, &s.ExclusiveMax, func(f float64) float64 { return math.Ceil(f) - 1 }, func(a, b float64) bool { return a < b }},
	} {
		if b.exclusive.IsTrue() && *b.bound != nil {
			*b.exclusive, *b.bound = openapi3.ExclusiveBound{Value: *b.bound}, nil
		} else if b.exclusive.Bool != nil {
			*b.exclusive = openapi3.ExclusiveBound{}
		}
		if value := b.exclusive.Value; whole && value != nil && math.Abs(*value) < 1<<53 {
			next := b.next(*value)
			if *b.bound == nil || b.stronger(next, **b.bound) {
				*b.bound = &next
			}
			*b.exclusive = openapi3.ExclusiveBound{}
		}
	}
}

// normalContent names media types in one way: in lower case, and JSON, which has no charset, without one.
func normalContent(content openapi3.Content) openapi3.Content {
	named := openapi3.Content{}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		media := content[name]
		if kind, parameters, err := mime.ParseMediaType(name); err == nil {
			if strings.EqualFold(parameters["charset"], "utf-8") || openapi.IsJSON(kind) {
				delete(parameters, "charset")
			}
			name = mime.FormatMediaType(kind, parameters)
		}
		if named[name] == nil {
			named[name] = media
		}
	}
	return named
}
