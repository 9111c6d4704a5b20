package strictserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// medium is what a body of one media type may be.
type medium struct {
	schema *jsonschema.Schema
	// lists are the fields of a form that are arrays; fields read the others, or the items.
	lists    map[string]bool
	fields   map[string]reader
	readOnly []string
}

func (s *server) medium(schema any) (m medium, err error) {
	m = medium{lists: map[string]bool{}, fields: map[string]reader{}}
	o := s.deref(schema)
	for name, of := range s.deref(o["properties"]) {
		property := s.deref(of)
		m.fields[name] = s.types(of)
		if slices.Contains(m.fields[name], "array") {
			m.lists[name], m.fields[name] = true, s.types(property["items"])
		}
		if only, _ := property["readOnly"].(bool); only {
			m.readOnly = append(m.readOnly, name)
		}
	}
	if required, _ := o["required"].([]any); len(m.readOnly) > 0 {
		// A server's own properties are asked of nobody.
		relaxed := object{}
		for key, value := range o {
			relaxed[key] = value
		}
		relaxed["required"] = slices.DeleteFunc(slices.Clone(required), func(name any) bool { return slices.Contains(m.readOnly, name.(string)) })
		schema = relaxed
	}
	if schema == nil {
		schema = true
	}
	m.schema, err = s.schemaOf(schema)
	return m, err
}

// checkBody tells whether a request's body is allowed.
func (o *operation) checkBody(r *http.Request, raw []byte) *refusal {
	if len(o.media) == 0 {
		return nil
	}
	given := r.Header.Get("Content-Type")
	if len(raw) == 0 && given == "" {
		if o.required {
			return &refusal{http.StatusBadRequest, "a body is required"}
		}
		return nil
	}
	kind, parameters, _ := mime.ParseMediaType(given)
	m, declared := o.media[kind]
	if encoding := r.Header.Get("Content-Encoding"); !declared || encoding != "" && encoding != "identity" {
		return &refusal{http.StatusUnsupportedMediaType, "not this media type"}
	}
	var value any
	var err error
	switch {
	case strings.HasSuffix(kind, "json"):
		value, err = strictJSON(raw)
		if fields, is := value.(object); is && slices.ContainsFunc(m.readOnly, func(name string) bool { _, sent := fields[name]; return sent }) {
			return &refusal{http.StatusBadRequest, "what is read only is not sent"}
		}
	case kind == "application/x-www-form-urlencoded":
		value, err = m.form(raw)
	case kind == "multipart/form-data":
		value, err = parts(raw, parameters["boundary"])
	default:
		return nil
	}
	if err != nil || !valid(m.schema, value) {
		return &refusal{http.StatusBadRequest, "the body is wrong"}
	}
	return nil
}

func (m medium) form(raw []byte) (any, error) {
	given, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, err
	}
	value := object{}
	for name, texts := range given {
		if !utf8.ValidString(name + strings.Join(texts, "")) {
			return nil, errors.New("it is not UTF-8")
		}
		switch {
		case m.lists[name], m.fields[name] == nil && len(texts) > 1:
			list := make([]any, len(texts))
			for i, text := range texts {
				list[i] = m.fields[name].read(text)
			}
			value[name] = list
		case len(texts) > 1:
			return nil, errors.New("a field is there twice")
		default:
			value[name] = m.fields[name].read(texts[0])
		}
	}
	return value, nil
}

// parts tells the names of a multipart body, which is all that is looked at.
func parts(raw []byte, boundary string) (any, error) {
	value := object{}
	for reader := multipart.NewReader(bytes.NewReader(raw), boundary); ; {
		part, err := reader.NextPart()
		if err == io.EOF {
			return value, nil
		}
		if err != nil {
			return nil, err
		}
		value[part.FormName()] = "a part"
	}
}

// strictJSON reads one JSON text of UTF-8 whose objects name each member once.
func strictJSON(raw []byte) (any, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := namesOnce(decoder); err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(raw))
}

// namesOnce reads a value; the error is of a name that is there twice.
func namesOnce(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	opened, _ := token.(json.Delim)
	names := map[string]bool{}
	for (opened == '{' || opened == '[') && decoder.More() {
		if opened == '{' {
			name, err := decoder.Token()
			if err != nil {
				return err
			}
			if names[name.(string)] {
				return errors.New("a name is there twice")
			}
			names[name.(string)] = true
		}
		if err := namesOnce(decoder); err != nil {
			return err
		}
	}
	if opened == '{' || opened == '[' {
		_, err = decoder.Token()
	}
	return err
}
