package serialize

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// Written is a parameter as it stands on the wire, by its style.
type Written struct {
	*openapi3.Parameter
	// Others are the names that other parameters of the same place have: no exploded object has them.
	Others map[string]bool
}

// Schema is the parameter's schema, or that of its content.
func (w Written) Schema() *openapi3.SchemaRef {
	for _, name := range slices.Sorted(maps.Keys(w.Content)) {
		if media := w.Content[name]; media != nil {
			return media.Schema
		}
	}
	return w.Parameter.Schema
}

// IsDelimited tells whether a scalar has something before it, as in the styles label and matrix.
func (w Written) IsDelimited() bool {
	return w.Style == openapi3.SerializationLabel || w.Style == openapi3.SerializationMatrix
}

// IsExploded tells whether the parts of a value stand on their own.
func (w Written) IsExploded() bool {
	if w.Explode != nil {
		return *w.Explode
	}
	return (w.In == "query" || w.In == "cookie") && (w.Style == "" || w.Style == openapi3.SerializationForm)
}

// StandsApart tells whether the fields of an object stand in the query, or among the cookies, under their own names.
func (w Written) StandsApart() bool {
	return (w.In == "query" || w.In == "cookie") && len(w.Content) == 0 && (w.Style == "" || w.Style == openapi3.SerializationForm) && w.IsExploded()
}

// HasField tells whether a name of the query is a field of an exploded object.
func (w Written) HasField(name string) bool {
	if !w.StandsApart() || w.Parameter.Schema == nil || w.Parameter.Schema.Value == nil || w.Others[name] {
		return false
	}
	s := w.Parameter.Schema.Value
	more := s.AdditionalProperties
	return openapi.Property(s, name) != nil || openapi.Types(s)["object"] && (more.Schema != nil || more.Has != nil && *more.Has)
}

// Read reads a parameter's value: texts are what stands under its name, query is the whole query. Scalars stay texts, an error
// says what cannot be read. given is false where nothing is there.
func (w Written) Read(query url.Values, texts []string) (value any, given bool) {
	s := w.Parameter.Schema
	switch {
	case len(w.Content) > 0:
		return jsonOf(texts)
	case s == nil || s.Value == nil:
		return first(texts), len(texts) > 0
	case w.Style == openapi3.SerializationDeepObject:
		value, given := readDeep(query, w.Name)
		return lists(value, s.Value), given
	}
	types := openapi.Types(s.Value)
	if types["object"] && w.In == "query" && w.IsExploded() {
		if object := w.exploded(query); len(object) > 0 || !types["array"] && !types["string"] {
			return object, len(object) > 0
		}
	}
	if len(texts) == 0 {
		return nil, false
	}
	text := w.plain(texts[0])
	switch {
	case types["array"]:
		if (w.In == "query" || w.In == "cookie") && w.IsExploded() && (w.Style == "" || w.Style == openapi3.SerializationForm) {
			if len(texts) == 1 && !onlyList(types) {
				return texts[0], true
			}
			return list(texts), true
		}
		return list(strings.Split(strings.Join(append([]string{text}, texts[1:]...), w.separator()), w.separator())), true
	case types["object"] && !types["string"]:
		return w.object(text), true
	}
	return text, true
}

// exploded reads an object whose fields stand in the query under their own names.
func (w Written) exploded(query url.Values) map[string]any {
	object := map[string]any{}
	for name, values := range query {
		if !w.HasField(name) {
			continue
		}
		object[name] = values[0]
		if ref := openapi.Property(w.Parameter.Schema.Value, name); ref != nil && ref.Value != nil && openapi.Types(ref.Value)["array"] {
			object[name] = list(values)
		}
	}
	return object
}

// onlyList tells whether a value must be a list.
func onlyList(types map[string]bool) bool {
	return !types["string"] && !types["number"] && !types["integer"] && !types["boolean"]
}

// plain is a text of the path without what its style puts before it.
func (w Written) plain(text string) string {
	switch w.Style {
	case openapi3.SerializationLabel:
		return strings.TrimPrefix(text, ".")
	case openapi3.SerializationMatrix:
		return strings.TrimPrefix(strings.TrimPrefix(text, ";"), w.Name+"=")
	}
	return text
}

// separator is what stands between the parts of a value.
func (w Written) separator() string {
	switch {
	case w.Style == openapi3.SerializationSpaceDelimited:
		return " "
	case w.Style == openapi3.SerializationPipeDelimited:
		return "|"
	case w.Style == openapi3.SerializationLabel && w.IsExploded():
		return "."
	case w.Style == openapi3.SerializationMatrix && w.IsExploded():
		return ";" + w.Name + "="
	}
	return ","
}

// object reads an object of one text: a,1,b,2 or, exploded, a=1,b=2.
func (w Written) object(text string) map[string]any {
	separator := w.separator()
	if w.Style == openapi3.SerializationMatrix && w.IsExploded() {
		separator = ";"
	}
	object := map[string]any{}
	parts := strings.Split(text, separator)
	for i := 0; i < len(parts); i++ {
		name, value, ok := strings.Cut(parts[i], "=")
		if !w.IsExploded() {
			if name, ok = parts[i], i+1 < len(parts); ok {
				i++
				value = parts[i]
			}
		}
		if ok {
			object[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return object
}

func first(texts []string) any {
	if len(texts) == 0 {
		return nil
	}
	return texts[0]
}

func list(texts []string) []any {
	items := make([]any, len(texts))
	for i, text := range texts {
		items[i] = strings.TrimSpace(text)
	}
	return items
}

var errNotJSON = errors.New("is not one JSON value")

func jsonOf(texts []string) (any, bool) {
	if len(texts) == 0 {
		return nil, false
	}
	var value any
	decoder := json.NewDecoder(strings.NewReader(texts[0]))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil || !errors.Is(decoder.Decode(new(any)), io.EOF) {
		return errNotJSON, true
	}
	return value, true
}

// readDeep reads name[a]=1&name[b][c]=2. Where all names in brackets are numbers, or there is none between them, it is a list.
func readDeep(pairs url.Values, name string) (any, bool) {
	object := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		values := pairs[key]
		rest, ok := strings.CutPrefix(key, name+"[")
		if !ok || !strings.HasSuffix(rest, "]") {
			continue
		}
		put(object, strings.Split(strings.TrimSuffix(rest, "]"), "]["), values)
	}
	return object, len(object) > 0
}

func put(object map[string]any, keys, values []string) {
	if len(keys) == 1 {
		object[keys[0]] = values[0]
		if keys[0] == "" || len(values) > 1 {
			object[keys[0]] = list(values)
		}
		return
	}
	below, ok := object[keys[0]].(map[string]any)
	if !ok {
		below = map[string]any{}
		object[keys[0]] = below
	}
	put(below, keys[1:], values)
}

// lists makes lists of the objects whose keys are the numbers of items, where the schema wants lists.
func lists(value any, s *openapi3.Schema) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	keys := make([]string, 0, len(object))
	isList := len(object) > 0
	for key, field := range object {
		ref := openapi.Property(s, key)
		if ref == nil {
			ref = openapi.Items(s)
		}
		if ref != nil && ref.Value != nil {
			object[key] = lists(field, ref.Value)
		}
		keys = append(keys, key)
		isList = isList && strings.Trim(key, "0123456789") == ""
	}
	if types := openapi.Types(s); !isList || types["object"] && !types["array"] {
		return object
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	items := make([]any, 0, len(keys))
	for _, key := range keys {
		if many, ok := object[key].([]any); ok && key == "" {
			items = append(items, many...)
			continue
		}
		items = append(items, object[key])
	}
	return items
}
