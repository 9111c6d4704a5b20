package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/serialize"
)

// boundary stands between the parts of a multipart body.
const boundary = "nudge-7MA4YWxkTrZu0gW"

func writeJSON(value any) ([]byte, bool) {
	data, err := json.Marshal(value)
	return data, err == nil
}

// writeText writes a text, or bytes, as they are.
func writeText(value any) ([]byte, bool) {
	text, ok := value.(string)
	return []byte(text), ok
}

// readings lists what a value of a form may be read as: what is written as JSON has one reading.
func (b *body) readings(value any) []any {
	object, ok := value.(map[string]any)
	if !ok {
		return []any{value}
	}
	texts := map[string]any{}
	for name, field := range object {
		if !isJSONField(b.media, name, field) {
			texts[name] = field
		}
	}
	all := serialize.Readings(texts)
	for _, reading := range all {
		for name, field := range object {
			if fields, ok := reading.(map[string]any); ok && isJSONField(b.media, name, field) {
				fields[name] = field
			}
		}
	}
	return all
}

// isJSONField tells whether a field of a form is written as JSON: an object is, unless its encoding says something else.
func isJSONField(media *openapi3.MediaType, name string, field any) bool {
	_, nested := field.(map[string]any)
	encoding := media.Encoding[name]
	return nested && (encoding == nil || encoding.Style == "" || encoding.Style == openapi3.SerializationForm)
}

// pairsOf are the fields of a form.
func pairsOf(media *openapi3.MediaType, value any) (pairs []serialize.Pair, ok bool) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	for _, name := range sortedKeys(object) {
		if isJSONField(media, name, object[name]) {
			text, err := json.Marshal(object[name])
			if err != nil {
				return nil, false
			}
			pairs = append(pairs, serialize.Pair{Name: name, Value: string(text)})
			continue
		}
		field := serialize.Field(media, name)
		one, ok := serialize.Pairs(name, field.Style, field.IsExploded(), object[name])
		if !ok {
			return nil, false
		}
		pairs = append(pairs, one...)
	}
	return pairs, true
}

func writeForm(media *openapi3.MediaType) func(any) ([]byte, bool) {
	return func(value any) ([]byte, bool) {
		pairs, ok := pairsOf(media, value)
		return []byte(serialize.Encode(pairs)), ok
	}
}

func writeMultipart(media *openapi3.MediaType) func(any) ([]byte, bool) {
	return func(value any) ([]byte, bool) {
		pairs, ok := pairsOf(media, value)
		if len(pairs) == 0 {
			// A multipart body has a part (RFC 2046 section 5.1).
			return nil, false
		}
		fields, _ := value.(map[string]any)
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		if w.SetBoundary(boundary) != nil {
			return nil, false
		}
		for _, p := range pairs {
			header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", p.Name)}}
			if isFile(media.Schema, p.Name) {
				header.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", p.Name, p.Name+".bin"))
				header.Set("Content-Type", "application/octet-stream")
			}
			if isJSONField(media, p.Name, fields[p.Name]) {
				header.Set("Content-Type", "application/json")
			}
			if encoding := media.Encoding[p.Name]; encoding != nil && encoding.ContentType != "" {
				header.Set("Content-Type", concrete(strings.TrimSpace(strings.Split(encoding.ContentType, ",")[0])))
			}
			part, err := w.CreatePart(header)
			if err != nil {
				return nil, false
			}
			_, _ = part.Write([]byte(p.Value))
		}
		// The end is written first.
		closed := w.Close() == nil
		return b.Bytes(), closed && ok
	}
}

// isFile tells whether a field of a multipart body is a file.
func isFile(ref *openapi3.SchemaRef, name string) bool {
	if ref == nil || ref.Value.Properties[name] == nil {
		return false
	}
	s := ref.Value.Properties[name].Value
	if s.Items != nil {
		s = s.Items.Value
	}
	return s.Format == "binary" || s.ContentMediaType != "" && s.ContentEncoding == ""
}
