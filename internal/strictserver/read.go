package strictserver

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// parameter is one of an operation.
type parameter struct {
	name, in, style string
	required, array bool
	// exploded tells that each item is written with the name.
	exploded bool
	// json tells that the value is a JSON text.
	json   bool
	schema *jsonschema.Schema
	// scalar reads a text, or the items of an array; fields the properties of an object.
	scalar reader
	fields map[string]reader
}

// reader reads a text as the first of these types that it can be.
type reader []string

var (
	integer = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	number  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

func (types reader) read(text string) any {
	switch {
	case slices.Contains(types, "integer") && integer.MatchString(text), slices.Contains(types, "number") && number.MatchString(text):
		return json.Number(text)
	case slices.Contains(types, "boolean") && (text == "true" || text == "false"):
		return text == "true"
	}
	return text
}

func (s *server) parameter(given object) (parameter, error) {
	p := parameter{exploded: true}
	p.name, _ = given["name"].(string)
	p.in, _ = given["in"].(string)
	p.style, _ = given["style"].(string)
	p.required, _ = given["required"].(bool)
	if explode, is := given["explode"].(bool); is {
		p.exploded = explode
	}
	schema := given["schema"]
	for _, media := range s.deref(given["content"]) {
		p.json, schema = true, s.deref(media)["schema"]
	}
	types := s.types(schema)
	p.array = slices.Contains(types, "array")
	p.scalar = types
	if p.array {
		p.scalar = s.types(s.deref(schema)["items"])
	}
	if p.style == "deepObject" {
		p.fields = map[string]reader{}
		for name, of := range s.deref(s.deref(schema)["properties"]) {
			p.fields[name] = s.types(of)
		}
	}
	var err error
	p.schema, err = s.schemaOf(schema)
	return p, err
}

// check tells whether a request's value of a parameter is allowed.
func (p parameter) check(r *http.Request, path url.Values) *refusal {
	if p.in == "header" && slices.Contains([]string{"accept", "content-type", "authorization"}, strings.ToLower(p.name)) {
		return nil
	}
	given, err := p.values(r, path)
	wrong := &refusal{http.StatusBadRequest, p.name + " is wrong"}
	switch {
	case err != nil:
		return wrong
	case p.fields != nil:
		value := object{}
		for name, texts := range r.URL.Query() {
			if key, is := strings.CutPrefix(name, p.name+"["); is && strings.HasSuffix(key, "]") {
				key = strings.TrimSuffix(key, "]")
				value[key] = p.fields[key].read(texts[0])
			}
		}
		if (len(value) > 0 || p.required) && !valid(p.schema, value) {
			return wrong
		}
		return nil
	case len(given) == 0 && p.required:
		return &refusal{http.StatusBadRequest, p.name + " is missing"}
	case len(given) == 0:
		return nil
	}
	value, err := p.value(given)
	if err != nil || !valid(p.schema, value) {
		return wrong
	}
	return nil
}

// value reads the texts under a parameter's name, of which there is one at least.
func (p parameter) value(given []string) (any, error) {
	if p.json {
		return strictJSON([]byte(given[0]))
	}
	if !p.array {
		if len(given) > 1 {
			return nil, errors.New("it is there twice")
		}
		return p.scalar.read(given[0]), nil
	}
	if p.in != "query" || !p.exploded {
		separator := map[string]string{"pipeDelimited": "|", "spaceDelimited": " "}[p.style]
		given = strings.Split(given[0], cmp.Or(separator, ","))
	}
	list := make([]any, len(given))
	for i, text := range given {
		list[i] = p.scalar.read(text)
	}
	return list, nil
}

// values are the texts under a parameter's name.
func (p parameter) values(r *http.Request, path url.Values) ([]string, error) {
	switch p.in {
	case "path":
		return path[p.name], nil
	case "header":
		return r.Header.Values(p.name), nil
	case "cookie":
		cookie, err := r.Cookie(p.name)
		if errors.Is(err, http.ErrNoCookie) {
			return nil, nil
		}
		value, err := url.PathUnescape(cookie.Value)
		return []string{value}, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	return query[p.name], err
}
