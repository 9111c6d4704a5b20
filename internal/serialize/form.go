package serialize

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// Field is a field of a form as its encoding has it written.
func Field(media *openapi3.MediaType, name string) Written {
	w := Written{Parameter: &openapi3.Parameter{Name: name, In: openapi3.ParameterInQuery}}
	if encoding := media.Encoding[name]; encoding != nil {
		w.Style, w.Explode = encoding.Style, encoding.Explode
	}
	return w
}

// ReadForm reads a form as an object: fields by their encoding, and what no property names under its own name.
func ReadForm(media *openapi3.MediaType, fields url.Values) map[string]any {
	object := map[string]any{}
	used := map[string]bool{}
	s := media.Schema.Value
	for _, name := range openapi.PropertyNames(s) {
		ref := openapi.Property(s, name)
		if ref == nil || ref.Value == nil {
			continue
		}
		w, types := Field(media, name), openapi.Types(ref.Value)
		w.Parameter.Schema = ref
		if media.Encoding[name] == nil && types["object"] && !types["array"] {
			// It is JSON.
			whole := false
			w.Explode = &whole
		}
		if value, given := w.readField(fields, types); given {
			object[name], used[name] = value, true
		}
		for key := range fields {
			used[key] = used[key] || strings.HasPrefix(key, name+"[") || types["object"] && w.HasField(key)
		}
	}
	for name, values := range fields {
		if !used[name] {
			object[name] = first(values)
		}
	}
	return object
}

// readField reads a field of a form: with its parts in brackets, as JSON, or by its style.
func (w Written) readField(fields url.Values, types map[string]bool) (value any, given bool) {
	texts := fields[w.Name]
	if below, nested := readDeep(fields, w.Name); nested && (types["object"] || types["array"]) {
		return lists(below, w.Parameter.Schema.Value), true
	}
	if len(texts) == 1 && (types["object"] || types["array"]) && json.Valid([]byte(texts[0])) && strings.ContainsAny(texts[0][:1], "{[") {
		return jsonOf(texts)
	}
	return w.Read(fields, texts)
}
