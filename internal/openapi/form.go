package openapi

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// ReadForm reads a form as an object: fields by their encoding, and what no property names under its own name.
func ReadForm(media *openapi3.MediaType, fields url.Values) map[string]any {
	object := map[string]any{}
	used := map[string]bool{}
	s := media.Schema.Value
	for _, name := range PropertyNames(s) {
		ref := Property(s, name)
		if ref == nil || ref.Value == nil {
			continue
		}
		p := Parameter{Parameter: &openapi3.Parameter{Name: name, In: "query", Schema: ref}}
		if encoding := media.Encoding[name]; encoding != nil {
			p.Style, p.Explode = encoding.Style, encoding.Explode
		} else if types := Types(ref.Value); types["object"] && !types["array"] {
			// It is JSON.
			whole := false
			p.Explode = &whole
		}
		if value, given := p.readField(fields); given {
			object[name], used[name] = value, true
		}
		for key := range fields {
			used[key] = used[key] || strings.HasPrefix(key, name+"[") || Types(ref.Value)["object"] && p.HasField(key)
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
func (p Parameter) readField(fields url.Values) (value any, given bool) {
	texts, types := fields[p.Name], Types(p.Parameter.Schema.Value)
	if below, nested := deep(fields, p.Name); nested && (types["object"] || types["array"]) {
		return lists(below, p.Parameter.Schema.Value), true
	}
	if len(texts) == 1 && (types["object"] || types["array"]) && json.Valid([]byte(texts[0])) && strings.ContainsAny(texts[0][:1], "{[") {
		return jsonOf(texts)
	}
	return p.Read(fields, texts)
}
