package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Discriminator is the keyword of what is wrong with a discriminator's value: the specification calls it a hint, and validators
// of JSON Schema do not know it.
const Discriminator = "discriminator"

// family is a schema with a discriminator and those that are made of it.
type family struct {
	name     string
	children openapi3.SchemaRefs
	names    []string
}

// familiesOf finds the schemas of the document that have one with a discriminator in their allOf, by that one.
func familiesOf(doc *openapi3.T) map[*openapi3.Schema]*family {
	families := map[*openapi3.Schema]*family{}
	if doc.Components == nil {
		return families
	}
	for name, ref := range doc.Components.Schemas {
		if ref != nil && ref.Value != nil && ref.Value.Discriminator != nil {
			families[ref.Value] = &family{name: name}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		ref := doc.Components.Schemas[name]
		for parent := range ancestors(ref, map[*openapi3.Schema]bool{}) {
			if f := families[parent]; f != nil && parent != ref.Value {
				f.children, f.names = append(f.children, ref), append(f.names, name)
			}
		}
	}
	return families
}

// ancestors are a schema and all that it is made of by allOf.
func ancestors(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) map[*openapi3.Schema]bool {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return seen
	}
	seen[ref.Value] = true
	for _, parent := range ref.Value.AllOf {
		ancestors(parent, seen)
	}
	return seen
}

// inherits tells whether a schema is made of another one, and does not only refer to it.
func (s *Set) inherits(child, parent *openapi3.Schema) bool {
	f := s.families[parent]
	return f != nil && slices.ContainsFunc(f.children, func(ref *openapi3.SchemaRef) bool { return ref.Value == child })
}

// discriminate adds what a discriminator says.
func (t *translation) discriminate(o *openapi3.Schema, m map[string]any) {
	if o.Discriminator == nil || t.as.own && len(o.OneOf)+len(o.AnyOf) == 0 || t.alternatives(o) == nil {
		return
	}
	all, _ := m["allOf"].([]any)
	m["allOf"] = append(all, map[string]any{"$ref": t.set.url(o, part{discriminator: true})})
}

// alternatives binds each value of a discriminator to the schema that it names; nil where the values are not known.
func (t *translation) alternatives(o *openapi3.Schema) (bound []any) {
	refs, names := slices.Concat(o.OneOf, o.AnyOf), []string(nil)
	inherited := len(refs) == 0
	if f := t.set.families[o]; inherited && f != nil {
		refs, names = f.children, f.names
		if t.direction == Answer {
			// It may be one of its own, too.
			bound = append(bound, has(o.Discriminator.PropertyName, t.valuesOf(o.Discriminator, f.name)))
		}
	}
	for i, ref := range refs {
		var name string
		switch {
		case inherited:
			name = names[i]
		case ref != nil && ref.Ref != "":
			name = ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:]
		default:
			// One that nothing names.
			return nil
		}
		bound = append(bound, map[string]any{"allOf": []any{t.refAs(ref, part{own: inherited}), has(o.Discriminator.PropertyName, t.namesOf(o.Discriminator, name, ref))}})
	}
	if len(refs) == 0 {
		return nil
	}
	return bound
}

// valuesOf are the values that name a schema: those of the mapping, or else its own name. A server that has a mapping may not know
// the names; an answer may use them.
func (t *translation) valuesOf(d *openapi3.Discriminator, name string) (values []any) {
	for _, value := range slices.Sorted(maps.Keys(d.Mapping)) {
		if target := d.Mapping[value].Ref; target == name || strings.HasSuffix(target, "/"+name) {
			values = append(values, value)
		}
	}
	if len(values) == 0 || t.direction == Answer {
		values = append(values, name)
	}
	return values
}

// namesOf are the values that name an alternative: those that it allows itself, where these are others than the discriminator's.
func (t *translation) namesOf(d *openapi3.Discriminator, name string, ref *openapi3.SchemaRef) []any {
	values := t.valuesOf(d, name)
	own := listed(ref, d.PropertyName, map[*openapi3.Schema]bool{})
	if own == nil || slices.ContainsFunc(values, func(value any) bool { return slices.Contains(own, value) }) {
		return values
	}
	return own
}

// listed are the values of a field that a schema lists; nil for none.
func listed(ref *openapi3.SchemaRef, field string, seen map[*openapi3.Schema]bool) (values []any) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return nil
	}
	seen[ref.Value] = true
	if property := ref.Value.Properties[field]; property != nil && property.Value != nil {
		values = slices.Clone(property.Value.Enum)
		if property.Value.Const != nil {
			values = append(values, property.Value.Const)
		}
	}
	for _, part := range ref.Value.AllOf {
		if values == nil {
			values = listed(part, field, seen)
		}
	}
	return values
}

// has wants a field to have one of the values.
func has(field string, values []any) map[string]any {
	return map[string]any{"required": []any{field}, "properties": map[string]any{field: map[string]any{"enum": values}}}
}

// IsDiscriminator tells whether a schema is what a discriminator says.
func IsDiscriminator(s *jsonschema.Schema) bool {
	return s.Ref != nil && strings.Contains(s.Ref.Location, "?"+Discriminator+"=")
}

// wrongAlternative says what is wrong with the value of a discriminator.
func (s *Set) wrongAlternative(e *jsonschema.ValidationError, v any) string {
	schema := s.node(e.SchemaURL)
	object, _ := v.(map[string]any)
	if schema == nil || schema.Discriminator == nil {
		return "is none of its alternatives"
	}
	field := schema.Discriminator.PropertyName
	value, there := object[field]
	if !there {
		return fmt.Sprintf("has no field %s, which says which alternative it is", field)
	}
	return fmt.Sprintf("has the %s %s, and is not the alternative that this names", field, strings.TrimPrefix(Describe(value), "the string "))
}
