package openapi

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Types are the types that a schema allows, by all of its parts; all of them where it says nothing.
func Types(s *openapi3.Schema) map[string]bool {
	types := map[string]bool{}
	parts(s, func(s *openapi3.Schema) {
		for _, t := range s.Type.Slice() {
			types[t] = true
		}
		if len(s.Type.Slice()) == 0 {
			types["object"] = types["object"] || len(s.Properties) > 0
			types["array"] = types["array"] || s.Items != nil
			for _, value := range append(slices.Clone(s.Enum), s.Const) {
				if _, isText := value.(string); isText {
					types["string"] = true
				}
			}
		}
	})
	if !slices.ContainsFunc([]string{"object", "array", "string", "number", "integer", "boolean", "null"}, func(t string) bool { return types[t] }) {
		for _, t := range []string{"object", "array", "string", "number", "integer", "boolean", "null"} {
			types[t] = true
		}
	}
	return types
}

// parts calls visit for a schema and the parts that speak of the same value, once each.
func parts(s *openapi3.Schema, visit func(*openapi3.Schema)) {
	seen := map[*openapi3.Schema]bool{}
	var within func(s *openapi3.Schema)
	within = func(s *openapi3.Schema) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		visit(s)
		for _, ref := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
			if ref != nil {
				within(ref.Value)
			}
		}
	}
	within(s)
}

// Property is the schema of a property, of the schema or of one of its parts; nil for none.
func Property(s *openapi3.Schema, name string) (found *openapi3.SchemaRef) {
	parts(s, func(s *openapi3.Schema) {
		if ref := s.Properties[name]; found == nil && ref != nil {
			found = ref
		}
	})
	return found
}

// PropertyNames are the names of all properties of a schema and its parts.
func PropertyNames(s *openapi3.Schema) (names []string) {
	parts(s, func(s *openapi3.Schema) {
		for name := range s.Properties {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// Items is the schema of the items of a list; nil where nothing is said.
func Items(s *openapi3.Schema) (found *openapi3.SchemaRef) {
	parts(s, func(s *openapi3.Schema) {
		if found == nil {
			found = s.Items
		}
	})
	return found
}
