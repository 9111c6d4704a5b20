package schema

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// translate writes a schema as JSON Schema 2020-12; what it contains are references to schemas of the set.
func (s *Set) translate(o *openapi3.Schema, direction Direction) any {
	if o.Always != nil {
		return *o.Always
	}
	m := map[string]any{}
	s.annotations(o, m)
	types := o.Type.Slice()
	if o.Nullable && len(types) > 0 {
		types = append(slices.Clone(types), "null")
	}
	if len(types) > 0 {
		m["type"] = list(types)
	}
	if o.Enum != nil {
		m["enum"] = openapi.Plain(o.Enum)
		if o.Nullable && !slices.Contains(o.Enum, nil) {
			m["enum"] = append(openapi.Plain(o.Enum).([]any), nil) //nolint:forcetypeassert // It is one.
		}
	}
	if o.Const != nil {
		m["const"] = openapi.Plain(o.Const)
	}
	numbers(o, m)
	set(m, "minLength", o.MinLength)
	bound(m, "maxLength", o.MaxLength)
	if o.Pattern != "" {
		if _, err := compilePattern(o.Pattern); err == nil {
			m["pattern"] = o.Pattern
		}
	}
	if o.Format != "" {
		m["format"] = o.Format
	}
	s.arrays(o, m)
	s.objects(o, m, direction)
	s.parts(o, m)
	return m
}

// annotations are what a value may be made of.
func (s *Set) annotations(o *openapi3.Schema, m map[string]any) {
	var examples []any
	if o.Example != nil {
		examples = append(examples, openapi.Plain(o.Example))
	}
	for _, example := range o.Examples {
		examples = append(examples, openapi.Plain(example))
	}
	if examples != nil {
		m["examples"] = examples
	}
	if o.Default != nil {
		m["default"] = openapi.Plain(o.Default)
	}
	if o.ReadOnly {
		m["readOnly"] = true
	}
}

func numbers(o *openapi3.Schema, m map[string]any) {
	for _, b := range []struct {
		name, exclusive string
		value           *float64
		bound           openapi3.ExclusiveBound
	}{
		{"minimum", "exclusiveMinimum", o.Min, o.ExclusiveMin}, {"maximum", "exclusiveMaximum", o.Max, o.ExclusiveMax},
	} {
		if b.bound.Value != nil {
			m[b.exclusive] = *b.bound.Value
		}
		switch {
		case b.value == nil:
		case b.bound.IsTrue():
			m[b.exclusive] = *b.value
		default:
			m[b.name] = *b.value
		}
	}
	if o.MultipleOf != nil && *o.MultipleOf > 0 {
		m["multipleOf"] = *o.MultipleOf
	}
}

func (s *Set) arrays(o *openapi3.Schema, m map[string]any) {
	set(m, "minItems", o.MinItems)
	bound(m, "maxItems", o.MaxItems)
	if o.UniqueItems {
		m["uniqueItems"] = true
	}
	s.one(m, "items", o.Items)
	s.all(m, "prefixItems", o.PrefixItems)
	s.one(m, "contains", o.Contains)
	bound(m, "minContains", o.MinContains)
	bound(m, "maxContains", o.MaxContains)
	s.either(m, "unevaluatedItems", o.UnevaluatedItems)
}

func (s *Set) objects(o *openapi3.Schema, m map[string]any, direction Direction) {
	required := slices.Clone(o.Required)
	properties := map[string]any{}
	for name, ref := range o.Properties {
		properties[name] = s.ref(ref)
		if ref == nil || ref.Value == nil {
			continue
		}
		// A caller leaves out what is read-only, and a server what is write-only, also where it is required.
		if direction == Request && ref.Value.ReadOnly || direction == Answer && ref.Value.WriteOnly {
			required = slices.DeleteFunc(required, func(field string) bool { return field == name })
		}
		if direction == Answer && ref.Value.WriteOnly {
			properties[name] = false
		}
	}
	if len(properties) > 0 {
		m["properties"] = properties
	}
	if len(required) > 0 {
		slices.Sort(required)
		m["required"] = list(slices.Compact(required))
	}
	set(m, "minProperties", o.MinProps)
	bound(m, "maxProperties", o.MaxProps)
	s.either(m, "additionalProperties", o.AdditionalProperties)
	s.either(m, "unevaluatedProperties", o.UnevaluatedProperties)
	s.one(m, "propertyNames", o.PropertyNames)
	s.byName(m, "dependentSchemas", o.DependentSchemas)
	patterns := map[string]any{}
	for pattern, ref := range o.PatternProperties {
		if _, err := compilePattern(pattern); err == nil {
			patterns[pattern] = s.ref(ref)
		}
	}
	if len(patterns) > 0 {
		m["patternProperties"] = patterns
	}
	if len(o.DependentRequired) > 0 {
		dependent := map[string]any{}
		for name, fields := range o.DependentRequired {
			dependent[name] = list(fields)
		}
		m["dependentRequired"] = dependent
	}
}

func (s *Set) parts(o *openapi3.Schema, m map[string]any) {
	s.all(m, "allOf", o.AllOf)
	s.all(m, "anyOf", o.AnyOf)
	s.all(m, "oneOf", o.OneOf)
	s.one(m, "not", o.Not)
	s.one(m, "if", o.If)
	s.one(m, "then", o.Then)
	s.one(m, "else", o.Else)
	if names := discriminated(o); names != nil {
		all, _ := m["allOf"].([]any)
		m["allOf"] = append(all, map[string]any{
			"required": []any{o.Discriminator.PropertyName}, "properties": map[string]any{o.Discriminator.PropertyName: map[string]any{"enum": names}},
		})
	}
}

// discriminated are the values that a discriminator may have; nil when they are not known.
func discriminated(o *openapi3.Schema) (names []any) {
	if o.Discriminator == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(o.Discriminator.Mapping)) {
		names = append(names, name)
	}
	refs := slices.Concat(o.OneOf, o.AnyOf)
	for _, ref := range refs {
		if ref.Ref == "" {
			return nil
		}
		names = append(names, ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:])
	}
	if len(refs) == 0 {
		return nil
	}
	return names
}

func (s *Set) ref(ref *openapi3.SchemaRef) any {
	if ref == nil || ref.Value == nil {
		return true
	}
	return map[string]any{"$ref": s.url(ref.Value)}
}

func (s *Set) one(m map[string]any, keyword string, ref *openapi3.SchemaRef) {
	if ref != nil {
		m[keyword] = s.ref(ref)
	}
}

func (s *Set) all(m map[string]any, keyword string, refs openapi3.SchemaRefs) {
	if len(refs) == 0 {
		return
	}
	all := make([]any, len(refs))
	for i, ref := range refs {
		all[i] = s.ref(ref)
	}
	m[keyword] = all
}

func (s *Set) byName(m map[string]any, keyword string, refs openapi3.Schemas) {
	if len(refs) == 0 {
		return
	}
	all := map[string]any{}
	for name, ref := range refs {
		all[name] = s.ref(ref)
	}
	m[keyword] = all
}

func (s *Set) either(m map[string]any, keyword string, b openapi3.BoolSchema) {
	switch {
	case b.Schema != nil:
		m[keyword] = s.ref(b.Schema)
	case b.Has != nil:
		m[keyword] = *b.Has
	}
}

func set(m map[string]any, keyword string, n uint64) {
	if n > 0 {
		m[keyword] = float64(n)
	}
}

func bound(m map[string]any, keyword string, n *uint64) {
	if n != nil {
		m[keyword] = float64(*n)
	}
}

func list(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}
