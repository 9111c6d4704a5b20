package schema

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// translation is that of one schema.
type translation struct {
	set       *Set
	direction Direction
	as        part
}

// translate writes a schema as JSON Schema 2020-12; what it contains are references to schemas of the set.
func (t *translation) translate(o *openapi3.Schema) any {
	if o.Always != nil {
		return *o.Always
	}
	m := map[string]any{}
	t.annotations(o, m)
	nullable := o.Nullable && t.set.is30
	if types := slices.Clone(o.Type.Slice()); len(types) > 0 {
		if nullable {
			types = append(types, "null")
		}
		slices.Sort(types)
		m["type"] = list(slices.Compact(types))
	}
	if o.Enum != nil {
		m["enum"] = openapi.Plain(o.Enum)
		if nullable && !slices.Contains(o.Enum, nil) {
			m["$comment"] = ImpliedNull
			m["enum"] = append(openapi.Plain(o.Enum).([]any), nil) //nolint:forcetypeassert // It is one.
		}
	}
	if o.Const != nil || openapi.Has(o.Origin, "const") {
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
	t.arrays(o, m)
	t.objects(o, m)
	t.parts(o, m)
	if nullable && len(o.Type.Slice()) == 0 && t.direction == Answer && len(o.AllOf)+len(o.AnyOf)+len(o.OneOf) > 0 {
		// The specification says that it means nothing there, and everybody who writes it means null.
		return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, m}}
	}
	return m
}

// ImpliedNull is the comment of a schema that is nullable, and whose enum has no null. Whether it may be null, validators disagree.
const ImpliedNull = "null is not listed"

// annotations are what a value may be made of.
func (t *translation) annotations(o *openapi3.Schema, m map[string]any) {
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
			m[b.exclusive] = json.Number(openapi.Bound(*b.bound.Value))
		}
		switch {
		case b.value == nil:
		case b.bound.IsTrue():
			m[b.exclusive] = json.Number(openapi.Bound(*b.value))
		default:
			m[b.name] = json.Number(openapi.Bound(*b.value))
		}
	}
	if o.MultipleOf != nil && *o.MultipleOf > 0 {
		m["multipleOf"] = *o.MultipleOf
	}
}

func (t *translation) arrays(o *openapi3.Schema, m map[string]any) {
	set(m, "minItems", o.MinItems)
	bound(m, "maxItems", o.MaxItems)
	if o.UniqueItems {
		m["uniqueItems"] = true
	}
	t.one(m, "items", o.Items)
	t.all(m, "prefixItems", o.PrefixItems)
	t.one(m, "contains", o.Contains)
	bound(m, "minContains", o.MinContains)
	bound(m, "maxContains", o.MaxContains)
	t.either(m, "unevaluatedItems", o.UnevaluatedItems)
}

func (t *translation) objects(o *openapi3.Schema, m map[string]any) {
	required := slices.DeleteFunc(slices.Clone(o.Required), func(field string) bool { return slices.Contains(t.as.optional, field) })
	properties := map[string]any{}
	for name, ref := range o.Properties {
		properties[name] = t.ref(ref)
		if ref == nil || ref.Value == nil {
			continue
		}
		// A caller leaves out what is read-only, and a server what is write-only, also where it is required.
		if t.isOfOthers(ref.Value) {
			required = slices.DeleteFunc(required, func(field string) bool { return field == name })
		}
		if t.direction == Answer && ref.Value.WriteOnly {
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
	t.either(m, "additionalProperties", o.AdditionalProperties)
	t.either(m, "unevaluatedProperties", o.UnevaluatedProperties)
	t.one(m, "propertyNames", o.PropertyNames)
	t.byName(m, "dependentSchemas", o.DependentSchemas)
	patterns := map[string]any{}
	for pattern, ref := range o.PatternProperties {
		if _, err := compilePattern(pattern); err == nil {
			patterns[pattern] = t.ref(ref)
		}
	}
	if len(patterns) > 0 {
		m["patternProperties"] = patterns
	}
	if len(o.DependentRequired) > 0 {
		dependent := map[string]any{}
		for name, fields := range o.DependentRequired {
			fields = slices.Clone(fields)
			slices.Sort(fields)
			dependent[name] = list(slices.Compact(fields))
		}
		m["dependentRequired"] = dependent
	}
}

// isOfOthers tells whether a field is for the other direction alone.
func (t *translation) isOfOthers(field *openapi3.Schema) bool {
	return t.direction == Request && field.ReadOnly || t.direction == Answer && field.WriteOnly
}

// optional lists the fields that a schema, or one of its parts, makes read-only or write-only.
func (t *translation) optional(o *openapi3.Schema, seen map[*openapi3.Schema]bool) (names []string) {
	if seen[o] {
		return nil
	}
	seen[o] = true
	for _, name := range slices.Sorted(maps.Keys(o.Properties)) {
		if ref := o.Properties[name]; ref != nil && ref.Value != nil && t.isOfOthers(ref.Value) {
			names = append(names, name)
		}
	}
	for _, ref := range o.AllOf {
		if ref != nil && ref.Value != nil {
			names = append(names, t.optional(ref.Value, seen)...)
		}
	}
	return names
}

func (t *translation) parts(o *openapi3.Schema, m map[string]any) {
	if len(o.AllOf) > 0 {
		optional := append(t.optional(o, map[*openapi3.Schema]bool{}), t.as.optional...)
		slices.Sort(optional)
		optional = slices.Compact(optional)
		all := make([]any, 0, len(o.AllOf))
		for _, ref := range o.AllOf {
			if ref == nil || ref.Value == nil {
				continue
			}
			all = append(all, t.refAs(ref, part{own: t.set.inherits(o, ref.Value), optional: optional}))
		}
		m["allOf"] = all
	}
	t.all(m, "anyOf", o.AnyOf)
	t.all(m, "oneOf", o.OneOf)
	t.one(m, "not", o.Not)
	t.one(m, "if", o.If)
	t.one(m, "then", o.Then)
	t.one(m, "else", o.Else)
	t.discriminate(o, m)
}

func (t *translation) ref(ref *openapi3.SchemaRef) any {
	return t.refAs(ref, part{})
}

func (t *translation) refAs(ref *openapi3.SchemaRef, as part) any {
	if ref == nil || ref.Value == nil {
		return true
	}
	return map[string]any{"$ref": t.set.url(ref.Value, as)}
}

func (t *translation) one(m map[string]any, keyword string, ref *openapi3.SchemaRef) {
	if ref != nil {
		m[keyword] = t.ref(ref)
	}
}

func (t *translation) all(m map[string]any, keyword string, refs openapi3.SchemaRefs) {
	if len(refs) == 0 {
		return
	}
	all := make([]any, len(refs))
	for i, ref := range refs {
		all[i] = t.ref(ref)
	}
	m[keyword] = all
}

func (t *translation) byName(m map[string]any, keyword string, refs openapi3.Schemas) {
	if len(refs) == 0 {
		return
	}
	all := map[string]any{}
	for name, ref := range refs {
		all[name] = t.ref(ref)
	}
	m[keyword] = all
}

func (t *translation) either(m map[string]any, keyword string, b openapi3.BoolSchema) {
	switch {
	case b.Schema != nil:
		m[keyword] = t.ref(b.Schema)
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
