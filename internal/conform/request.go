package conform

import (
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// segment is one part of a path between slashes: the texts around its parameters, and their names. A segment without parameters
// is one text.
type segment struct {
	texts, names []string
}

func segmentsOf(path string) []segment {
	var list []segment
	for _, text := range strings.Split(path, "/") {
		var s segment
		for {
			before, rest, ok := strings.Cut(text, "{")
			s.texts = append(s.texts, before)
			name, after, closed := strings.Cut(rest, "}")
			if !ok || !closed {
				break
			}
			s.names, text = append(s.names, name), after
		}
		list = append(list, s)
	}
	return list
}

// read takes the parameters of a segment from a part of an escaped path; ok is false when it is another one.
func (s segment) read(part string, into map[string]string) (ok bool) {
	if len(s.names) == 0 {
		literal, err := url.PathUnescape(part)
		return part == s.texts[0] || err == nil && literal == s.texts[0]
	}
	rest, ok := strings.CutPrefix(part, s.texts[0])
	for i, name := range s.names {
		after, end := s.texts[i+1], len(rest)
		if i == len(s.names)-1 {
			end -= len(after)
			ok = ok && strings.HasSuffix(rest, after)
		} else {
			end = strings.Index(rest, after)
		}
		if !ok || end <= 0 {
			return false
		}
		value, err := url.PathUnescape(rest[:end])
		if err != nil {
			return false
		}
		into[name], rest = value, rest[end+len(after):]
	}
	return ok
}

// match reads the parameters of an escaped path; ok is false when it is another path.
func match(segments []segment, path string) (parameters map[string]string, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) != len(segments) {
		return nil, false
	}
	parameters = map[string]string{}
	for i, s := range segments {
		if !s.read(parts[i], parameters) {
			return nil, false
		}
	}
	return parameters, true
}

// Find finds the operation of a request. onPath tells that the path is an operation's, with another method.
func (j *Document) Find(method, escapedPath string) (found *Operation, onPath bool) {
	for _, op := range j.Operations {
		if _, ok := match(op.segments, escapedPath); ok {
			if op.Method == method {
				return op, true
			}
			onPath = true
		}
	}
	return nil, onPath
}

// Methods are the methods of all paths that are the same but for the names of their parameters.
func (j *Document) Methods(path string) map[string]bool {
	methods := map[string]bool{}
	shape := parameterName.ReplaceAllString(path, "{}")
	for _, op := range j.Operations {
		if parameterName.ReplaceAllString(op.Path, "{}") == shape {
			methods[op.Method] = true
		}
	}
	return methods
}

var parameterName = regexp.MustCompile(`\{[^}]+\}`)

// Request is what a request said, for relations and for judging it.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte
	// Path are the parameters of the path, unescaped.
	Path map[string]string
	// Form are the fields of a form body; nil for another one.
	Form url.Values
	// JSON is the value of a JSON body; nil for another one.
	JSON any
	// Unclear tells that a server may read the body in one way or another: it does not say what it is, or it is encoded.
	Unclear bool
}

// Read reads a request of the operation.
func (o *Operation) Read(method string, u *url.URL, header http.Header, body []byte) *Request {
	r := &Request{
		Method: method, URL: u, Header: header, Body: body,
		Unclear: len(body) > 0 && (header.Get("Content-Type") == "" || header.Get("Content-Encoding") != ""),
	}
	r.Path, _ = match(o.segments, u.EscapedPath())
	name, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case name == openapi.FormType:
		r.Form, _ = url.ParseQuery(string(body))
	case openapi.IsJSON(name):
		r.JSON, _ = parseJSON(body)
	}
	return r
}

// CheckRequest lists what is wrong with a request by the document: parameters, media type, fields.
func (o *Operation) CheckRequest(r *Request) []Violation {
	c := newCollector(o.ID + " request")
	c.document, c.direction = o.document, schema.Request
	for _, rule := range o.Parameters {
		var value string
		var given bool
		switch rule.In {
		case "path":
			value, given = r.Path[rule.Name]
		case "query":
			given = r.URL.Query().Has(rule.Name)
			value = r.URL.Query().Get(rule.Name)
		case "header":
			value = r.Header.Get(rule.Name)
			given = len(r.Header.Values(rule.Name)) > 0
		default:
			continue
		}
		if given && !o.allows(rule, o.schemaOf(rule.In, rule.Name), value) {
			c.add(rule.In+" "+rule.Name, "the %s parameter %s must be %s", rule.In, rule.Name, rule)
		} else if !given && o.required(rule.In, rule.Name) {
			c.add(rule.In+" "+rule.Name, "the %s parameter %s is missing", rule.In, rule.Name)
		}
	}
	if len(o.schemes) > 0 && !o.anonymous && r.Header.Get("Authorization") == "" {
		c.add("security", "the credentials are missing")
	}
	c.requestBody(o, r)
	return c.found
}

// CheckQuery lists the parameters of the query that the operation does not have. A server may leave them unread.
func (o *Operation) CheckQuery(r *Request) []Violation {
	c := newCollector(o.ID + " request")
	for _, name := range sortedKeys(r.URL.Query()) {
		declared := o.Parameter("query", bare(name)) != nil || o.inExploded(name)
		switch {
		case declared:
		case slices.ContainsFunc(o.Form, func(field rule.Rule) bool { return field.Name == name }):
			c.add("query "+schema.Cut(name), "%s stands in the query, and is a field of the body", schema.Cut(name))
		default:
			c.add("query "+schema.Cut(name), "the query has the parameter %q, which is not declared", schema.Cut(name))
		}
	}
	return c.found
}

// bare is the name of what has brackets after it: expand[0] is a part of expand.
func bare(name string) string {
	if at := strings.IndexByte(name, '['); at > 0 && strings.HasSuffix(name, "]") {
		return name[:at]
	}
	return name
}

// inExploded tells whether a parameter of the query is a field of an object that stands there without its own name.
func (o *Operation) inExploded(name string) bool {
	return slices.ContainsFunc(o.EffectiveParameters(), func(p *openapi3.Parameter) bool {
		if p.In != "query" || p.Schema == nil || p.Style != "" && p.Style != "form" || !p.Schema.Value.Type.Is("object") {
			return false
		}
		more := p.Schema.Value.AdditionalProperties
		return p.Schema.Value.Properties[name] != nil || more.Schema != nil || more.Has != nil && *more.Has
	})
}

// allows tells whether a text may stand for a value of a scalar: of its rule, or, where the document is not judged strictly, of
// its schema however it is written.
func (o *Operation) allows(r rule.Rule, ref *openapi3.SchemaRef, text string) bool {
	if o.document.Strict || ref == nil {
		return r.Allows(text)
	}
	judge, err := o.document.Schemas.Of(ref.Value, schema.Request)
	return err != nil || slices.ContainsFunc(serialize.Readings(text), judge.Valid)
}

func (o *Operation) schemaOf(in, name string) *openapi3.SchemaRef {
	if p := o.Parameter(in, name); p != nil {
		return p.Schema
	}
	return nil
}

func (o *Operation) required(in, name string) bool {
	p := o.Parameter(in, name)
	return p != nil && p.Required
}

func (c *collector) requestBody(o *Operation, r *Request) {
	if o.Spec.RequestBody == nil {
		return
	}
	declared := o.Spec.RequestBody.Value
	if len(r.Body) == 0 && r.Header.Get("Content-Type") == "" {
		if declared.Required {
			c.add("body", "the body is missing")
		}
		return
	}
	name := openapi.MediaType(r.Header.Get("Content-Type"))
	media := openapi.Media(declared.Content, r.Header.Get("Content-Type"))
	switch {
	case len(r.Body) == 0 && !declared.Required:
		// Many clients name the media type of no body.
		return
	case media == nil:
		c.add("content", "the media type must be %s", strings.Join(sortedKeys(declared.Content), " or "))
		return
	case media.Schema == nil:
		return
	case name != openapi.FormType:
		if openapi.IsJSON(name) {
			c.body(media, r.Body, r.Header.Get("Content-Type"))
		}
		return
	}
	fields, err := url.ParseQuery(string(r.Body))
	if err != nil {
		c.add("body", "the form cannot be read")
		return
	}
	form := media.Schema.Value
	closed := form.AdditionalProperties.Has != nil && !*form.AdditionalProperties.Has
	for _, field := range sortedKeys(fields) {
		property := form.Properties[bare(field)]
		switch {
		case property == nil && closed:
			c.add("body "+field, "the form has the field %q, which is not declared", schema.Cut(field))
		case property != nil && len(fields[field]) > 1 && !property.Value.Type.Is("array"):
			c.add("body "+field, "the field %s is there %d times", field, len(fields[field]))
		}
	}
	for _, rule := range o.Form {
		if values, ok := fields[rule.Name]; ok && !o.allows(rule, form.Properties[rule.Name], values[0]) {
			c.add("body "+rule.Name, "the field %s must be %s", rule.Name, rule)
		}
	}
	for _, field := range form.Required {
		if !slices.ContainsFunc(sortedKeys(fields), func(given string) bool { return bare(given) == field }) {
			c.add("body "+field, "the field %s is missing", field)
		}
	}
}
