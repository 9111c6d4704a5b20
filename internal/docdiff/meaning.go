package docdiff

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// notes are the keywords that say nothing of what is on the wire.
var notes = map[string]bool{
	"title": true, "description": true, "summary": true, "example": true, "examples": true, "externalDocs": true, "deprecated": true, "tags": true, "operationId": true,
	"$comment": true, "xml": true, "default": true, "$defs": true, "$schema": true, "$id": true, "contentMediaType": true,
}

// meanings tells what the parts of a document say on the wire, whatever components they are written with.
type meanings struct {
	doc *openapi3.T
	// known are those of the components, by their names; empty for one that is being made, and contains itself.
	known map[string]string
}

// of is a short text for what a part says.
func (m *meanings) of(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return ""
	}
	return fmt.Sprint(m.bare(tree, false))
}

// bare is the digest of a part without its notes, whatever components it is written with. named tells that the keys are
// names, such as those of properties.
func (m *meanings) bare(v any, named bool) any {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && !named {
			return m.component(ref)
		}
		object := map[string]any{}
		for key, field := range v {
			if !named && (notes[key] || strings.HasPrefix(key, "x-")) {
				continue
			}
			bare := m.bare(field, !named && (key == "properties" || key == "patternProperties" || key == "dependentSchemas" || key == "mapping"))
			if !named && saysNothing(key, bare) {
				continue
			}
			if key == "unevaluatedProperties" && v["allOf"] == nil {
				key = "additionalProperties"
			}
			object[key] = bare
		}
		switch {
		case named:
			return object
		case len(object) == 0:
			return true
		}
		return digest(object)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = m.bare(item, false)
		}
		return list
	}
	return v
}

// saysNothing tells whether a keyword has the value that is meant without it.
func saysNothing(key string, value any) bool {
	list, isList := value.([]any)
	if isList {
		if key == "required" || key == "enum" || key == "oneOf" || key == "anyOf" || key == "allOf" || key == "type" {
			// Their order says nothing.
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(written(a), written(b)) })
		}
		return len(list) == 0
	}
	isTrue := value == true
	return isTrue && (key == "additionalProperties" || key == "unevaluatedProperties" || key == "items" || key == "unevaluatedItems") || value == false && (key == "required" || key == "allowReserved" || key == "nullable")
}

// component is the digest of what a component says.
func (m *meanings) component(ref string) any {
	name, ok := strings.CutPrefix(ref, "#/components/schemas/")
	if !ok || m.doc.Components == nil || m.doc.Components.Schemas[name] == nil || m.doc.Components.Schemas[name].Value == nil {
		return ref
	}
	if m.known == nil {
		m.known = map[string]string{}
	}
	if text, known := m.known[name]; known {
		return text
	}
	m.known[name] = ""
	text := m.of(m.doc.Components.Schemas[name].Value)
	m.known[name] = text
	return text
}

// digest is a short text for what an object says.
func digest(object map[string]any) string {
	text, err := json.Marshal(object)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// alignComponents gives the schemas of the older document that have another name now, and say the same, the name of now.
func alignComponents(older, newer *openapi3.T) {
	if older.Components == nil || newer.Components == nil {
		return
	}
	was, now := &meanings{doc: older}, &meanings{doc: newer}
	const prefix = "#/components/schemas/"
	fresh := map[string][]string{}
	for name := range newer.Components.Schemas {
		if older.Components.Schemas[name] == nil {
			digest := fmt.Sprint(now.component(prefix + name))
			fresh[digest] = append(fresh[digest], name)
		}
	}
	names := map[string]string{}
	for name := range older.Components.Schemas {
		if same := fresh[fmt.Sprint(was.component(prefix+name))]; newer.Components.Schemas[name] == nil && len(same) == 1 {
			names[prefix+name] = prefix + same[0]
		}
	}
	if len(names) == 0 {
		return
	}
	eachRef(older, func(ref *openapi3.SchemaRef) {
		if name := names[ref.Ref]; name != "" {
			ref.Ref = name
		}
	})
	for from, to := range names {
		from, to = strings.TrimPrefix(from, prefix), strings.TrimPrefix(to, prefix)
		older.Components.Schemas[to] = older.Components.Schemas[from]
		delete(older.Components.Schemas, from)
	}
}
