package portal

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxDepth and maxFields bound how deep a body is described: schemas that contain each other would fill pages.
const (
	maxDepth  = 6
	maxFields = 50
)

// asDeepAsFits is a reader that describes a body as deep as its fields fit on a page, and its own fields always.
func (r reader) asDeepAsFits(ref *openapi3.SchemaRef) reader {
	r.depth = 0
	if ref != nil && (ref.Value.Items != nil || len(ref.Value.AllOf)+len(ref.Value.OneOf)+len(ref.Value.AnyOf) > 0) {
		// Its own fields are those of its parts.
		r.depth = 1
	}
	for r.depth < maxDepth {
		c := counter{most: maxFields, depth: r.depth + 1}
		if c.schema(ref); c.fields > c.most {
			break
		}
		r.depth++
	}
	return r
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
	if name, ok := strings.CutPrefix(ref.Ref, "#/components/schemas/"); ok && !slices.Contains(parents, ref.Value) {
		return "the fields of " + name + "; see the document"
	}
	return "more of the same; see the document"
}
