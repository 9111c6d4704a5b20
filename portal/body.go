package portal

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
)

// content describes a body under each of its media types.
func (r reader) content(id string, content openapi3.Content) ([]*Media, error) {
	var list []*Media
	for _, name := range inOrder(content, func(m *openapi3.MediaType) *openapi3.Origin { return m.Origin }) {
		media := content[name]
		m := &Media{encoding: media.Encoding, Type: name, ID: r.id(id + "-content"), Schema: r.value(id, "", media.Schema)}
		if media.Example != nil {
			value, err := r.example(name, media.Origin, "example", media.Example)
			if err != nil {
				return nil, err
			}
			m.Examples = append(m.Examples, Example{ID: r.id(id + "-example"), Name: "example", Value: value})
		}
		for _, key := range inOrder(media.Examples, func(e *openapi3.ExampleRef) *openapi3.Origin { return e.Origin }) {
			example := media.Examples[key].Value
			value, err := r.example(name, example.Origin, "value", example.Value)
			if err != nil {
				return nil, err
			}
			m.Examples = append(m.Examples, Example{ID: r.id(id + "-example-" + key), Name: key, Summary: cmp.Or(example.Summary, key), Value: value})
		}
		list = append(list, m)
	}
	return list, nil
}

// makeBody makes the body of a sample where the document has no example. One that cannot be made is left out.
func (r reader) makeBody(content []*Media, declared openapi3.Content) {
	for _, media := range content {
		if len(media.Examples) > 0 || r.schemas == nil || media.Schema.schema == nil || !openapi.IsJSON(media.Type) && media.Type != openapi.FormType {
			continue
		}
		model, err := r.schemas.Of(declared[media.Type].Schema.Value, schema.Request)
		if err != nil {
			continue
		}
		value, err := sample.Make(model, false)
		if err != nil {
			continue
		}
		if text, err := json.Marshal(value); err == nil {
			media.made = string(text)
		}
	}
}

// example writes an example of a body: as JSON, or as it is when it is the text of another media type.
func (r reader) example(mediaType string, origin *openapi3.Origin, field string, value any) (string, error) {
	if text, ok := value.(string); ok && !strings.Contains(mediaType, "json") {
		return text, nil
	}
	return r.source.json(origin, field, value)
}
