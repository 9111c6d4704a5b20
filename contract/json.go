package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

func isJSON(mediaType string) bool {
	name, _, _ := strings.Cut(mediaType, ";")
	return name == "application/json" || strings.HasSuffix(name, "+json")
}

// jsonMedia is the JSON body that the operation takes, if it does.
func (d *deriver) jsonMedia() (name string, media *openapi3.MediaType) {
	if d.op.Spec.RequestBody == nil {
		return "", nil
	}
	content := d.op.Spec.RequestBody.Value.Content
	for _, name := range sortedKeys(content) {
		if isJSON(name) && content[name].Schema != nil {
			return name, content[name]
		}
	}
	return "", nil
}

// makeJSON makes a valid JSON body, and puts it into the base where one is required.
func (d *deriver) makeJSON() error {
	_, media := d.jsonMedia()
	if media == nil {
		return nil
	}
	var err error
	if d.document, err = d.validJSON("", media.Schema.Value, false, nil); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	if d.op.FormSchema == nil && d.op.Spec.RequestBody.Value.Required {
		d.base = d.withJSON(d.document)
	}
	return nil
}

// withJSON is the base with a JSON body.
func (d *deriver) withJSON(value any) request {
	body, err := json.Marshal(value)
	if err != nil {
		// Only a value that no document holds.
		body = []byte("null")
	}
	return d.withRawJSON(string(body))
}

// withRawJSON is the base with a JSON body as it stands on the wire.
func (d *deriver) withRawJSON(body string) request {
	name, _ := d.jsonMedia()
	return d.base.with(func(r *request) {
		r.header.Set("Content-Type", name)
		r.body = []byte(body)
	})
}

// validJSON makes a value that keeps a schema; all adds what is optional. parents are the schemas that it stands in: one that
// contains itself ends there.
func (d *deriver) validJSON(name string, s *openapi3.Schema, all bool, parents []*openapi3.Schema) (any, error) {
	if slices.Contains(parents, s) {
		return nil, errNoValue
	}
	within := append(slices.Clone(parents), s)
	if value, ok := d.settings.fixtures[name]; ok && name != "" {
		return literal(s, value), nil
	}
	if !all {
		for _, given := range []any{s.Example, s.Default} {
			if given != nil {
				return given, nil
			}
		}
	}
	if len(s.Enum) > 0 {
		return s.Enum[0], nil
	}
	for _, refs := range []openapi3.SchemaRefs{s.OneOf, s.AnyOf} {
		if len(refs) > 0 {
			return d.validJSON(name, refs[0].Value, all, within)
		}
	}
	switch {
	case s.Type.Is("array"):
		return d.validArray(s, all, within)
	case s.Type.Is("object") || len(s.Properties) > 0 || len(s.AllOf) > 0:
		return d.validObject(s, all, within)
	}
	value, err := validValue(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; give an example or a fixture", name, err)
	}
	return literal(s, value), nil
}

func (d *deriver) validArray(s *openapi3.Schema, all bool, within []*openapi3.Schema) (any, error) {
	list := []any{}
	for range max(s.MinItems, 1) {
		if s.Items == nil {
			list = append(list, "x")
			continue
		}
		item, err := d.validJSON("", s.Items.Value, all, within)
		if err != nil && s.MinItems == 0 {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

func (d *deriver) validObject(s *openapi3.Schema, all bool, within []*openapi3.Schema) (any, error) {
	object := map[string]any{}
	for _, part := range s.AllOf {
		value, err := d.validJSON("", part.Value, all, within)
		if err != nil {
			return nil, err
		}
		if fields, ok := value.(map[string]any); ok {
			maps.Copy(object, fields)
		}
	}
	for _, key := range sortedKeys(s.Properties) {
		property := s.Properties[key].Value
		required := slices.Contains(s.Required, key)
		if property.ReadOnly || !required && !all {
			continue
		}
		value, err := d.validJSON(key, property, all, within)
		if err != nil && required {
			return nil, err
		}
		if err == nil {
			object[key] = value
		}
	}
	return object, nil
}

// literal is a value as JSON writes it.
func literal(s *openapi3.Schema, value string) any {
	if s.Type.Is("integer") || s.Type.Is("number") || s.Type.Is("boolean") {
		return json.RawMessage(value)
	}
	return value
}

// json tries the values of a JSON body, and bodies that are none.
func (d *deriver) json() {
	_, media := d.jsonMedia()
	if media == nil {
		return
	}
	s := media.Schema.Value
	rule := d.at(openapi.Line(s.Origin), "requestBody")
	if example := media.Example; example != nil {
		d.add("examples", "the example is accepted", rule, d.valid, d.withJSON(example))
	}
	full, err := d.validJSON("", s, true, nil)
	if err == nil {
		d.add("examples", "a body with all that is optional is accepted", rule, d.valid, d.withJSON(full))
	} else {
		full = d.document
	}
	d.add("values", "a body with what is required is accepted", rule, d.valid, d.withJSON(d.document))
	d.jsonValues("", s, full, func(v any) request { return d.withJSON(v) })
	text, err := json.Marshal(d.document)
	if err != nil {
		return
	}
	valid := string(text)
	for _, c := range []struct {
		what, body string
		expect     expectation
	}{
		{"cut off", valid[:len(valid)-1], refused}, {"with a value after it", valid + valid, refused}, {"with a bracket after it", valid + "]", refused},
		{"of one bracket", "{", refused}, {"of no JSON", "abc", refused}, {"with single quotes", "{'a':1}", refused},
		{"with spaces around it", " \n" + valid + "\t\n", d.valid},
	} {
		r := d.withRawJSON(c.body)
		if c.expect == refused {
			d.add("wire", "a body "+c.what+" is refused", "RFC 8259", refused, r)
		} else {
			d.add("wire", "a body "+c.what+" is accepted", "RFC 8259", c.expect, r)
		}
	}
	if d.op.Spec.RequestBody.Value.Required {
		d.add("wire", "an empty body is refused", rule, refused, d.withRawJSON(""))
	}
}

// jsonValues tries the values at one place of a body, and below it; set gives the request with a value there.
func (d *deriver) jsonValues(name string, s *openapi3.Schema, value any, set func(v any) request) {
	if len(s.OneOf)+len(s.AnyOf) > 0 {
		return
	}
	place := func(keyword string) string {
		return d.at(openapi.LineOf(s.Origin, keyword), strings.TrimSpace(name+" "+keyword))
	}
	called := name
	if called == "" {
		called = "the body"
	}
	d.jsonTypes(called, s, place("type"), set)
	if object, ok := value.(map[string]any); ok {
		d.jsonObject(name, called, s, object, place, set)
		return
	}
	if list, ok := value.([]any); ok && len(list) > 0 {
		d.jsonList(name, called, s, list, place, set)
		return
	}
	r, ok, err := openapi.Of("body", called, s)
	if err != nil || !ok {
		return
	}
	for _, e := range boundaries(r) {
		scalar := literal(s, e.value)
		if _, raw := scalar.(json.RawMessage); raw && !json.Valid([]byte(e.value)) || e.keyword == "type" || e.spelling {
			// Not JSON at all, tried with the types, or a matter of forms.
			continue
		}
		request := set(scalar)
		request.description = fmt.Sprintf("%s %s, %s", called, show(e.value), e.what)
		if r.Allows(e.value) {
			d.add("values", request.description+", is accepted", place(e.keyword), d.valid, request)
		} else {
			d.add("values", request.description+", is refused", place(e.keyword), refused, request)
		}
	}
}

// jsonTypes tries values of other types.
func (d *deriver) jsonTypes(called string, s *openapi3.Schema, rule string, set func(v any) request) {
	if s.Type.IsEmpty() {
		return
	}
	for _, c := range []struct {
		what, text string
		types      []string
	}{
		{"a string", `"abc"`, []string{"string"}}, {"a number in quotes", `"1"`, []string{"string"}}, {"a fraction", "1.5", []string{"number"}},
		{"true", "true", []string{"boolean"}}, {"a list", "[]", []string{"array"}}, {"an object", "{}", []string{"object"}},
	} {
		if !slices.ContainsFunc(c.types, s.Type.Is) {
			d.add("types", called+" as "+c.what+" is refused", rule, refused, set(json.RawMessage(c.text)))
		}
	}
	if !s.Nullable && !s.Type.Includes("null") {
		d.add("types", called+" as null is refused", rule, refused, set(nil))
	}
}

func (d *deriver) jsonObject(name, called string, s *openapi3.Schema, object map[string]any, place func(string) string, set func(any) request) {
	changed := func(change func(o map[string]any)) request {
		o := maps.Clone(object)
		change(o)
		return set(o)
	}
	for _, key := range s.Required {
		if _, there := object[key]; there {
			d.add("required", strings.TrimPrefix(name+"."+key, ".")+" left out is refused", place("required"), refused, changed(func(o map[string]any) { delete(o, key) }))
		}
	}
	if s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has {
		d.add("fields", "an unknown field in "+called+" is refused", place("additionalProperties"), refused, changed(func(o map[string]any) { o["unknownField"] = 1 }))
		d.add("echo", "a long unknown field in "+called+" is refused and not repeated", place("additionalProperties"), refused, changed(func(o map[string]any) { o[marker] = 1 })).marker = marker
	}
	for _, key := range sortedKeys(s.Properties) {
		property := s.Properties[key].Value
		if property.ReadOnly {
			continue
		}
		d.jsonValues(strings.TrimPrefix(name+"."+key, "."), property, object[key], func(v any) request {
			return changed(func(o map[string]any) { o[key] = v })
		})
	}
}

func (d *deriver) jsonList(name, called string, s *openapi3.Schema, list []any, place func(string) string, set func(any) request) {
	times := func(n uint64) request { return set(slices.Repeat(list[:1], int(n))) }
	if s.MinItems > 0 && s.MinItems <= 1000 {
		d.add("values", fmt.Sprintf("%s of %d items, one too few, is refused", called, s.MinItems-1), place("minItems"), refused, times(s.MinItems-1))
	}
	if s.MaxItems != nil && *s.MaxItems <= 1000 && !s.UniqueItems {
		d.add("values", fmt.Sprintf("%s of %d items, as many as there may be, is accepted", called, *s.MaxItems), place("maxItems"), d.valid, times(*s.MaxItems))
		d.add("values", fmt.Sprintf("%s of %d items, one too many, is refused", called, *s.MaxItems+1), place("maxItems"), refused, times(*s.MaxItems+1))
	}
	if s.Items != nil {
		d.jsonValues(name+"[0]", s.Items.Value, list[0], func(v any) request {
			return set(append([]any{v}, list[1:]...))
		})
	}
}
