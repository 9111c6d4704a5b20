package openapi

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Schemas calls visit for every schema of a document, once each.
func Schemas(doc *openapi3.T, visit func(*openapi3.Schema)) {
	newWalker(visit).document(doc)
}

// Within calls visit for a schema and all that it contains, once each.
func Within(ref *openapi3.SchemaRef, visit func(*openapi3.Schema)) {
	newWalker(visit).schema(ref)
}

// eachMediaType calls visit for every media type of a document.
func eachMediaType(doc *openapi3.T, visit func(*openapi3.MediaType)) {
	walker{func(*openapi3.Schema) {}, visit, map[*openapi3.Schema]bool{}}.document(doc)
}

type walker struct {
	visit func(*openapi3.Schema)
	media func(*openapi3.MediaType)
	seen  map[*openapi3.Schema]bool
}

func newWalker(visit func(*openapi3.Schema)) walker {
	return walker{visit, func(*openapi3.MediaType) {}, map[*openapi3.Schema]bool{}}
}

func (w walker) document(doc *openapi3.T) {
	if c := doc.Components; c != nil {
		for _, ref := range c.Schemas {
			w.schema(ref)
		}
		for _, ref := range c.Parameters {
			w.parameter(ref)
		}
		for _, ref := range c.Headers {
			w.header(ref)
		}
		for _, ref := range c.RequestBodies {
			if ref != nil && ref.Value != nil {
				w.content(ref.Value.Content)
			}
		}
		for _, ref := range c.Responses {
			w.response(ref)
		}
	}
	eachItem(doc, func(_ string, item *openapi3.PathItem) {
		for _, ref := range item.Parameters {
			w.parameter(ref)
		}
		for _, op := range item.Operations() {
			w.operation(op)
		}
	})
}

// eachItem calls visit for every path item of a document, once each: those of paths and webhooks, and of the callbacks of their
// operations. where is its path, its name, or the expression of its URL.
func eachItem(doc *openapi3.T, visit func(where string, item *openapi3.PathItem)) {
	seen := map[*openapi3.PathItem]bool{}
	var each func(items map[string]*openapi3.PathItem)
	each = func(items map[string]*openapi3.PathItem) {
		for where, item := range items {
			if item == nil || seen[item] {
				continue
			}
			seen[item] = true
			visit(where, item)
			for _, op := range item.Operations() {
				for _, callback := range op.Callbacks {
					if callback != nil && callback.Value != nil {
						each(callback.Value.Map())
					}
				}
			}
		}
	}
	each(doc.Paths.Map())
	each(doc.Webhooks)
}

func (w walker) operation(op *openapi3.Operation) {
	for _, ref := range op.Parameters {
		w.parameter(ref)
	}
	if op.RequestBody != nil && op.RequestBody.Value != nil {
		w.content(op.RequestBody.Value.Content)
	}
	for _, ref := range op.Responses.Map() {
		w.response(ref)
	}
}

func (w walker) parameter(ref *openapi3.ParameterRef) {
	if ref != nil && ref.Value != nil {
		w.schema(ref.Value.Schema)
		w.content(ref.Value.Content)
	}
}

func (w walker) header(ref *openapi3.HeaderRef) {
	if ref != nil && ref.Value != nil {
		w.schema(ref.Value.Schema)
		w.content(ref.Value.Content)
	}
}

func (w walker) response(ref *openapi3.ResponseRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	for _, header := range ref.Value.Headers {
		w.header(header)
	}
	w.content(ref.Value.Content)
}

func (w walker) content(content openapi3.Content) {
	for _, media := range content {
		if media != nil {
			w.media(media)
			w.schema(media.Schema)
		}
	}
}

// schema visits a schema and what is within; one that contains itself ends there.
func (w walker) schema(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil || w.seen[ref.Value] {
		return
	}
	s := ref.Value
	w.seen[s] = true
	w.visit(s)
	for _, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf, s.PrefixItems) {
		w.schema(part)
	}
	for _, part := range []*openapi3.SchemaRef{s.Not, s.Items, s.Contains, s.PropertyNames, s.If, s.Then, s.Else, s.AdditionalProperties.Schema, s.UnevaluatedItems.Schema, s.UnevaluatedProperties.Schema} {
		w.schema(part)
	}
	for _, parts := range []openapi3.Schemas{s.Properties, s.PatternProperties, s.DependentSchemas} {
		for _, part := range parts {
			w.schema(part)
		}
	}
}
