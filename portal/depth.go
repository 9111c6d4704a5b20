package portal

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxDepth and maxFields bound how deep a value is described: schemas that contain each other would fill pages. maxOwnFields bounds the
// fields of its parts, which are its own.
const (
	maxDepth     = 6
	maxFields    = 50
	maxOwnFields = 1000
)

// value describes a value as deep as its fields fit on a page, and its own fields always.
func (r reader) value(id, name string, ref *openapi3.SchemaRef) *Field {
	r.depth = 0
	if ref != nil && (ref.Value.Items != nil || len(ref.Value.AllOf)+len(ref.Value.OneOf)+len(ref.Value.AnyOf) > 0) && fits(ref, 1, maxOwnFields) {
		r.depth = 1
	}
	for r.depth < maxDepth && fits(ref, r.depth+1, maxFields) {
		r.depth++
	}
	return r.field(id, name, ref, nil)
}

// fits tells whether a schema has at most so many fields down to a depth.
func fits(ref *openapi3.SchemaRef, depth, most int) bool {
	c := counter{most: most, depth: depth}
	c.schema(ref)
	return c.fields <= most
}

// counter counts the fields of a schema down to a depth, as field describes them, and ends where they are too many.
type counter struct {
	fields, most, depth int
	parents             []*openapi3.Schema
}

func (c *counter) schema(ref *openapi3.SchemaRef) {
	if c.fields++; ref == nil || ref.Value == nil || c.fields > c.most || len(c.parents) > c.depth || slices.Contains(c.parents, ref.Value) {
		return
	}
	s := ref.Value
	c.parents = append(c.parents, s)
	for _, property := range s.Properties {
		c.schema(property)
	}
	for _, parts := range [][]*openapi3.SchemaRef{{s.Items}, s.AllOf, s.OneOf, s.AnyOf} {
		for _, part := range parts {
			if part != nil {
				c.schema(part)
			}
		}
	}
	c.parents = c.parents[:len(c.parents)-1]
}

// whereElse says where the fields of a value are that are not described again, or too deep.
func (r reader) whereElse(ref *openapi3.SchemaRef, parents []*openapi3.Schema) string {
	if slices.Contains(parents, ref.Value) {
		return "more of the same; see the document"
	}
	if name, ok := strings.CutPrefix(ref.Ref, "#/components/schemas/"); ok {
		return "the fields of " + name + "; see the document"
	}
	return "more fields; see the document"
}
