package conform

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

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

// CheckRequest lists what is wrong with a request by the document: parameters, credentials, media type, fields.
func (o *Operation) CheckRequest(r *Request) []Violation {
	c := newCollector(o.ID + " request")
	c.where = o.document.at(openapi.At(o.Spec.Origin))
	c.document, c.direction = o.document, schema.Request
	for _, w := range o.written {
		c.parameter(o, w, r)
	}
	if !o.isAuthenticated(r) {
		c.add(Security, "security", "the credentials are missing")
	}
	c.requestBody(o, r)
	return c.found
}

// parameter wants a parameter to keep its rule or, where the document is not judged strictly, its schema however it is written.
func (c *collector) parameter(o *Operation, written serialize.Written, r *Request) {
	p := written.Parameter
	place := p.In + " " + schema.Cut(p.Name)
	operation := c.where
	c.where = cmp.Or(o.document.at(openapi.At(p.Origin)), operation)
	defer func() { c.where = operation }()
	texts := r.texts(p.In, p.Name)
	value, given := written.Read(r.query(), texts)
	if !given {
		if p.Required {
			c.add(Parameter, place, "the %s parameter %s is missing", p.In, p.Name)
		}
		return
	}
	for _, rule := range o.Parameters {
		if rule.In != p.In || rule.Name != p.Name || written.IsDelimited() || len(texts) == 0 {
			continue
		}
		if wrong := slices.IndexFunc(texts, func(text string) bool { return !o.allows(rule, p.Schema, text) && (text != "" || !p.AllowEmptyValue) }); wrong >= 0 {
			got := texts[wrong]
			if p.In == openapi3.ParameterInHeader || p.In == openapi3.ParameterInCookie {
				// It may be a secret.
				got = ""
			}
			c.add(Parameter, place, "the %s parameter %s must be %s", p.In, p.Name, o.ruleText(rule, p.Schema)).differs(got, o.ruleText(rule, p.Schema))
		}
		return
	}
	if raw := strings.ToUpper(r.URL.EscapedPath() + "?" + r.URL.RawQuery); strings.Contains(raw, "%2C") && !written.IsExploded() && len(p.Content) == 0 {
		// Whether an escaped comma ends an item, not all say alike.
		return
	}
	s := written.Schema()
	if s == nil || s.Value == nil {
		return
	}
	if err, failed := value.(error); failed {
		c.add(Parameter, place, "the %s parameter %s %v", p.In, p.Name, err)
		return
	}
	for _, problem := range c.problems(s.Value, c.typed(s.Value, value)) {
		c.add(Parameter, place, "the %s parameter %s", p.In, named(p.Name, problem)).of(problem)
	}
}

// readParameters finds the operation's parameters, each with the names of the others of its place.
func (o *Operation) readParameters() {
	all := o.EffectiveParameters()
	for _, p := range all {
		others := map[string]bool{}
		for _, other := range all {
			if other.In == p.In && other.Name != p.Name {
				others[other.Name] = true
			}
		}
		o.written = append(o.written, serialize.Written{Parameter: p, Others: others})
	}
}

// named is a problem with the name of the parameter that has it.
func named(name string, p schema.Problem) string {
	if rest, whole := strings.CutPrefix(p.Text, "the body "); whole {
		return name + " " + rest
	}
	if place, rest, _ := strings.Cut(p.Text, " "); strings.Trim(place, "0123456789") == "" {
		return fmt.Sprintf("%s[%s] %s", name, place, rest)
	}
	return name + ": " + p.Text
}

// ruleText says what a scalar must be: its rule, and its format.
func (o *Operation) ruleText(r rule.Rule, ref *openapi3.SchemaRef) string {
	if ref != nil && ref.Value != nil && ref.Value.Format != "" && !schema.IsNote(ref.Value.Format) {
		return r.String() + " of the format " + ref.Value.Format
	}
	return r.String()
}

// texts are the values of a parameter as they stand in the request.
func (r *Request) texts(in, name string) []string {
	switch in {
	case "path":
		if text, ok := r.Path[name]; ok {
			return []string{text}
		}
	case "query":
		return r.query()[name]
	case "header":
		return r.Header.Values(name)
	case "cookie":
		for _, cookie := range (&http.Request{Header: r.Header}).CookiesNamed(name) {
			return []string{cookie.Value}
		}
	}
	return nil
}

func (r *Request) query() url.Values { return r.URL.Query() }

// CheckQuery lists the parameters of the query that the operation does not have, where the document is judged strictly: a server may leave them unread.
func (o *Operation) CheckQuery(r *Request) []Violation {
	if !o.document.Strict {
		return nil
	}
	c := newCollector(o.ID + " request")
	c.where = o.document.at(openapi.At(o.Spec.Origin))
	for _, name := range sortedKeys(r.query()) {
		declared := o.Parameter("query", name) != nil || o.Parameter("query", bare(name)) != nil || o.inExploded(name) || o.isCredential("query", name)
		switch {
		case declared:
		case slices.ContainsFunc(o.Form, func(field rule.Rule) bool { return field.Name == name }):
			c.add(Parameter, "query "+printed(name), "%s stands in the query, and is a field of the body", printed(name))
		default:
			c.add(Parameter, "query "+printed(name), "the query has the parameter %q, which is not declared", schema.Cut(name))
		}
	}
	return c.found
}

// printed is a caller's name as messages have it: bounded, and without what a terminal obeys.
func printed(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, schema.Cut(name))
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
	return slices.ContainsFunc(o.written, func(w serialize.Written) bool { return w.In == "query" && w.HasField(name) })
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

// problems lists what keeps a value from a schema; none where the schema cannot be used.
func (c *collector) problems(s *openapi3.Schema, value any) []schema.Problem {
	judge, err := c.document.Schemas.Of(s, c.direction)
	if err != nil {
		return nil
	}
	return judge.Check(value)
}

// typed gives the texts within a value the types that the schema wants there, where they can be read so.
func (c *collector) typed(s *openapi3.Schema, value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for name, field := range value {
			object[name] = field
			if ref := openapi.Property(s, name); ref != nil && ref.Value != nil {
				object[name] = c.typed(ref.Value, field)
			}
		}
		return object
	case []any:
		items := openapi.Items(s)
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = item
			if items != nil && items.Value != nil {
				list[i] = c.typed(items.Value, item)
			}
		}
		return list
	case string:
		for _, reading := range serialize.Readings(value) {
			if len(c.problems(s, reading)) == 0 {
				return reading
			}
		}
		if !openapi.Types(s)["string"] {
			return serialize.Typed(value)
		}
	}
	return value
}
