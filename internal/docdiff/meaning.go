package docdiff

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/schema"
)

// notes are the keywords that say nothing of what is on the wire.
var notes = map[string]bool{
	"title": true, "description": true, "summary": true, "example": true, "examples": true, "externalDocs": true, "deprecated": true, "tags": true, "operationId": true,
	"$comment": true, "xml": true, "default": true, "$defs": true, "$schema": true, "$id": true, "contentMediaType": true,
}

// meanings tells what the parts of a document say on the wire, whatever components they are written with.
type meanings struct {
	doc *openapi3.T
	// schemas judges values by the document's schemas.
	schemas *schema.Set
	// known are those of the components, by their names.
	known map[string]string
}

func meaningsOf(doc *openapi3.T) *meanings { return &meanings{doc: doc, schemas: schema.NewSet(doc)} }

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

// bare is the digest of a part without its notes, whatever components it is written with. isNames tells that the keys are
// names, such as those of properties.
func (m *meanings) bare(v any, isNames bool) any {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && !isNames {
			return m.component(ref)
		}
		if isNames {
			object := map[string]any{}
			for key, field := range v {
				object[key] = m.bare(field, false)
			}
			return object
		}
		return m.object(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = m.bare(item, false)
		}
		return list
	}
	return v
}

// named are the keywords whose fields are names.
var named = map[string]bool{"properties": true, "patternProperties": true, "dependentSchemas": true, "mapping": true}

// object is the digest of an object of keywords; true where it says nothing.
func (m *meanings) object(v map[string]any) any {
	object := map[string]any{}
	for key, field := range v {
		if notes[key] || strings.HasPrefix(key, "x-") {
			continue
		}
		bare := m.bare(field, named[key])
		if saysNothing(key, bare) {
			continue
		}
		if key == "unevaluatedProperties" && v["allOf"] == nil {
			key = "additionalProperties"
		}
		object[key] = bare
	}
	if len(object) == 0 {
		return true
	}
	return digest(object)
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
		m.learn()
	}
	return m.known[name]
}

// rounds is how far a component is looked into through others: each round, a component is what it says with what the others were
// in the round before. Components that contain each other need a beginning that does not depend on where one looks first.
const rounds = 6

func (m *meanings) learn() {
	m.known = map[string]string{}
	for range rounds {
		next := map[string]string{}
		for name, ref := range m.doc.Components.Schemas {
			if ref != nil && ref.Value != nil {
				next[name] = m.of(ref.Value)
			}
		}
		m.known = next
	}
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
