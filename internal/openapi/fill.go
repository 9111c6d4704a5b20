package openapi

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// fill puts something in the place of media types that are null, which say nothing of a body, and takes other null parts out.
func (d *Document) fill() {
	if c := d.Components; c != nil {
		for _, ref := range c.RequestBodies {
			if ref != nil && ref.Value != nil {
				d.fillContent(ref.Value.Content, "components")
			}
		}
		for _, ref := range c.Parameters {
			d.fillParameters(openapi3.Parameters{ref}, "components")
		}
		for _, ref := range c.Responses {
			d.fillResponse(ref, "components")
		}
	}
	d.Tags = slices.DeleteFunc(d.Tags, func(tag *openapi3.Tag) bool { return tag == nil })
	eachItem(d.T, func(path string, item *openapi3.PathItem) {
		d.fillParameters(item.Parameters, path)
		for method, op := range item.Operations() {
			where := method + " " + path
			d.fillParameters(op.Parameters, where)
			if op.RequestBody != nil && op.RequestBody.Value != nil {
				d.fillContent(op.RequestBody.Value.Content, where)
			}
			for _, ref := range op.Responses.Map() {
				d.fillResponse(ref, where)
			}
		}
	})
}

func (d *Document) fillParameters(parameters openapi3.Parameters, where string) {
	for _, ref := range parameters {
		if ref != nil && ref.Value != nil {
			d.fillContent(ref.Value.Content, where)
		}
	}
}

func (d *Document) fillResponse(ref *openapi3.ResponseRef, where string) {
	if ref == nil || ref.Value == nil {
		return
	}
	d.fillContent(ref.Value.Content, where)
	for _, header := range ref.Value.Headers {
		if header != nil && header.Value != nil {
			d.fillContent(header.Value.Content, where)
		}
	}
}

func (d *Document) fillContent(content openapi3.Content, where string) {
	for name, media := range content {
		if media == nil {
			media = &openapi3.MediaType{}
			content[name] = media
			d.found(0, "%s: the media type %s has no content; it may have any", where, name)
		}
		maps.DeleteFunc(media.Encoding, func(_ string, e *openapi3.Encoding) bool { return e == nil })
	}
}
