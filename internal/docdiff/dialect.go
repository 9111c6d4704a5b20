package docdiff

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// alignDialects writes what OpenAPI 3.0 says as 3.1 does, where the documents are not of the same version: nullable is a type,
// and an exclusive bound is a number.
func alignDialects(older, newer *openapi3.T) {
	if version(older) == version(newer) {
		return
	}
	for _, doc := range []*openapi3.T{older, newer} {
		openapi.Schemas(doc, toVersion31)
	}
}

func version(doc *openapi3.T) string {
	parts := strings.SplitN(doc.OpenAPI, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func toVersion31(s *openapi3.Schema) {
	if types := s.Type.Slice(); s.Nullable && len(types) > 0 {
		if !slices.Contains(types, "null") {
			types = append(slices.Clone(types), "null")
		}
		all := openapi3.Types(types)
		s.Type, s.Nullable = &all, false
	}
	if s.Type != nil && len(*s.Type) > 1 {
		// In one order.
		all := slices.Sorted(slices.Values(*s.Type))
		sorted := openapi3.Types(all)
		s.Type = &sorted
	}
	for _, b := range []struct {
		bound     **float64
		exclusive *openapi3.ExclusiveBound
	}{{&s.Min, &s.ExclusiveMin}, {&s.Max, &s.ExclusiveMax}} {
		if b.exclusive.IsTrue() && *b.bound != nil {
			*b.exclusive, *b.bound = openapi3.ExclusiveBound{Value: *b.bound}, nil
		} else if b.exclusive.Bool != nil {
			*b.exclusive = openapi3.ExclusiveBound{}
		}
	}
}
