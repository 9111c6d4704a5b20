package mcp

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxDepth bounds how deep a tool's schema is nested.
const maxDepth = 12

// successSchema is the schema of the JSON that success is answered with.
func successSchema(op *openapi3.Operation) *openapi3.Schema {
	responses := op.Responses.Map()
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if strings.HasPrefix(status, "2") {
			if media := responses[status].Value.Content["application/json"]; media != nil && media.Schema != nil && media.Schema.Value.Type.Is("object") {
				return media.Schema.Value
			}
		}
	}
	return nil
}

// enumOf lists the values of an enum; a schema that is nullable has null too.
func enumOf(s *openapi3.Schema) []any {
	values := slices.Clone(s.Enum)
	if s.Nullable && !slices.Contains(values, nil) {
		values = append(values, nil)
	}
	return values
}

// jsonSchema translates a schema of the document: JSON Schema has no nullable, a null is a type there. parents are the schemas
// that it stands in: one that contains itself allows anything there.
func jsonSchema(s *openapi3.Schema, parents []*openapi3.Schema) map[string]any {
	out := map[string]any{}
	if slices.Contains(parents, s) || len(parents) > maxDepth {
		return out
	}
	parents = append(slices.Clone(parents), s)
	types := s.Type.Slice()
	if s.Nullable && len(types) > 0 {
		types = append(slices.Clone(types), "null")
	}
	switch len(types) {
	case 0:
	case 1:
		out["type"] = types[0]
	default:
		out["type"] = types
	}
	set := func(name string, given bool, value any) {
		if given {
			out[name] = value
		}
	}
	set("description", s.Description != "", strings.TrimSpace(s.Description))
	set("format", s.Format != "", s.Format)
	set("pattern", s.Pattern != "", s.Pattern)
	set("minLength", s.MinLength > 0, s.MinLength)
	set("maxLength", s.MaxLength != nil, s.MaxLength)
	set("minimum", s.Min != nil && !s.ExclusiveMin.IsTrue(), s.Min)
	set("maximum", s.Max != nil && !s.ExclusiveMax.IsTrue(), s.Max)
	set("exclusiveMinimum", s.Min != nil && s.ExclusiveMin.IsTrue(), s.Min)
	set("exclusiveMaximum", s.Max != nil && s.ExclusiveMax.IsTrue(), s.Max)
	set("exclusiveMinimum", s.ExclusiveMin.Value != nil, s.ExclusiveMin.Value)
	set("exclusiveMaximum", s.ExclusiveMax.Value != nil, s.ExclusiveMax.Value)
	set("multipleOf", s.MultipleOf != nil, s.MultipleOf)
	set("default", s.Default != nil, s.Default)
	set("minItems", s.MinItems > 0, s.MinItems)
	set("maxItems", s.MaxItems != nil, s.MaxItems)
	set("enum", len(s.Enum) > 0, enumOf(s))
	if s.Items != nil {
		out["items"] = jsonSchema(s.Items.Value, parents)
	}
	if len(s.Properties) > 0 {
		properties := map[string]any{}
		for name, property := range s.Properties {
			properties[name] = jsonSchema(property.Value, parents)
		}
		out["properties"] = properties
	}
	set("required", len(s.Required) > 0, s.Required)
	if has := s.AdditionalProperties.Has; has != nil {
		out["additionalProperties"] = *has
	} else if other := s.AdditionalProperties.Schema; other != nil {
		out["additionalProperties"] = jsonSchema(other.Value, parents)
	}
	for name, refs := range map[string]openapi3.SchemaRefs{"allOf": s.AllOf, "oneOf": s.OneOf, "anyOf": s.AnyOf} {
		if len(refs) == 0 {
			continue
		}
		list := make([]any, len(refs))
		for i, ref := range refs {
			list[i] = jsonSchema(ref.Value, parents)
		}
		out[name] = list
	}
	return out
}
