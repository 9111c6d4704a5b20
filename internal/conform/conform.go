// Package conform tells whether an answer is one that the document declares: its status, headers, media type and body, and
// what the document's relations say of it. The contract kit judges servers with it, and our own tests every answer they get.
package conform

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// Violation is one thing that is wrong with an answer.
type Violation struct {
	// Rule is what is broken: a place in the document, or the standard.
	Rule string `json:"rule"`
	// Message says what is wrong. It repeats at most 200 bytes of the answer.
	Message string `json:"message"`
	// Line is where the rule stands in the document; 0 when that is not known, or the rule is not the document's.
	Line int `json:"line,omitempty"`
	// File is the one of the document's files that it stands in, seen from its folder.
	File string `json:"file,omitempty"`
	// Place is the JSON pointer of what is wrong within a body, and Keyword the keyword that it breaks, where a schema was broken.
	Place   string `json:"place,omitempty"`
	Keyword string `json:"keyword,omitempty"`
}

func (v Violation) String() string { return v.Message + " (" + v.Rule + ")" }

// Document judges answers by a document.
type Document struct {
	Doc        *openapi3.T
	Operations []*Operation
	// Schemas judges values by the document's schemas.
	Schemas *schema.Set
	// Strict judges more than the document and HTTP say: that there are no fields that no schema names and no body where none is
	// declared, and that an integer is written as one and fits in 64 bits.
	Strict bool
	// OneLine tells that the document stands in one line, so that lines say nothing.
	OneLine bool
}

// at is a position, where it says something.
func (d *Document) at(p openapi.Position) openapi.Position {
	if d.OneLine {
		return openapi.Position{}
	}
	return p
}

// Operation is an operation of the document with its relations.
type Operation struct {
	openapi.Operation
	document  *Document
	relations []relations
	segments  []segment
	// headers are the rules of the headers of answers that a rule describes wholly.
	headers map[*openapi3.Header]rule.Rule
	// written are the parameters as they stand in requests.
	written []serialize.Written
	// schemes are the HTTP authentication schemes that its security asks for, schemeOf all kinds by their names.
	schemes  []string
	schemeOf map[string]*openapi3.SecurityScheme
}

// New judges strictly by a document. Relations that cannot hold are an error.
func New(document []byte) (*Document, error) {
	doc, err := openapi.Source{Name: "the OpenAPI document", Data: document}.Read()
	if err != nil {
		return nil, err
	}
	j, err := Of(doc)
	if err == nil {
		j.Strict = true
	}
	return j, err
}

// Of judges by a document that was read.
func Of(read *openapi.Document) (*Document, error) {
	doc := read.T
	operations, err := openapi.Operations(doc)
	if err != nil {
		return nil, err
	}
	if len(operations) == 0 {
		return nil, errors.New("the document has no operation")
	}
	j := &Document{Doc: doc, Schemas: schema.NewSet(doc), OneLine: read.OneLine}
	for _, op := range operations {
		o := &Operation{Operation: op, document: j, segments: segmentsOf(op.Path), headers: map[*openapi3.Header]rule.Rule{}}
		o.readHeaders()
		o.readParameters()
		o.readSecurity(doc)
		if o.relations, err = readRelations(op); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", op.ID, extension, err)
		}
		j.Operations = append(j.Operations, o)
	}
	return j, nil
}

// readHeaders reads the rules of the headers of all answers.
func (o *Operation) readHeaders() {
	for _, response := range o.Spec.Responses.Map() {
		for name, ref := range response.Value.Headers {
			if r, ok := openapi.WholeRule("header", name, ref.Value.Schema); ok {
				o.headers[ref.Value] = r
			}
		}
	}
}

// Check judges an answer to r alone, without relations. Answers to requests for no operation are judged as the first
// operation's: they have the error shape too. A preflight's answer belongs to the browser's protocol and must only be empty.
func (j *Document) Check(r *http.Request, status int, header http.Header, body []byte) error {
	if r.Method == http.MethodOptions && status == http.StatusNoContent {
		if len(body) > 0 {
			return fmt.Errorf("the answer to a preflight has a body of %d bytes", len(body))
		}
		return nil
	}
	op := j.Operations[0]
	for _, candidate := range j.Operations {
		if _, onPath := match(candidate.segments, r.URL.EscapedPath()); !onPath {
			continue
		}
		// One of the path, and that of the method if there is one.
		if op = candidate; op.Method == r.Method {
			break
		}
	}
	var all []error
	for _, v := range op.CheckResponse(r.Method, status, header, body) {
		all = append(all, errors.New(v.String()))
	}
	return errors.Join(all...)
}

// CheckHead judges an answer without its body.
func (o *Operation) CheckHead(method string, status int, header http.Header) []Violation {
	return o.check(method, status, header, nil, false)
}

// CheckResponse judges an answer of the operation. The method is the request's: the answer to a HEAD has no body.
func (o *Operation) CheckResponse(method string, status int, header http.Header, body []byte) []Violation {
	return o.check(method, status, header, body, true)
}

func (o *Operation) check(method string, status int, header http.Header, body []byte, hasBody bool) []Violation {
	name, response := o.Response(status)
	if o.Spec.Responses.Len() == 0 {
		// OpenAPI 3.1 lets an operation say nothing of its answers.
		return nil
	}
	if response == nil {
		at := o.document.at(openapi.AtField(o.Spec.Origin, "responses"))
		return []Violation{{Rule: o.ID + " responses", Message: fmt.Sprintf("the status %d is not declared", status), Line: at.Line, File: at.File}}
	}
	c := newCollector(o.ID + " " + name)
	c.document, c.where = o.document, o.document.at(openapi.At(response.Origin))
	c.headers(o, response, header)
	c.standard(o, status, header)
	if method == http.MethodHead || status/100 == 1 || status == http.StatusNoContent || status == http.StatusNotModified {
		// HTTP gives them no body.
		return c.found
	}
	if len(response.Content) == 0 {
		// The specification does not say that nothing may come then.
		if len(body) > 0 && o.document.Strict {
			c.add("content", "the answer has a body of %d bytes, and none is declared", len(body))
		}
		return c.found
	}
	media := c.media(response, header)
	if media == nil || !hasBody {
		return c.found
	}
	c.body(media, body, header.Get("Content-Type"))
	return c.found
}

// WithoutBody is the operation without its request body.
func (o *Operation) WithoutBody() *Operation {
	bare, spec := *o, *o.Spec
	spec.RequestBody = nil
	bare.Spec, bare.Form, bare.FormSchema = &spec, nil, nil
	return &bare
}

// CheckHTTP lists what HTTP itself says against an answer, whatever the document says.
func (o *Operation) CheckHTTP(status int, header http.Header) []Violation {
	c := newCollector(o.ID)
	c.document = o.document
	c.standard(o, status, header)
	return c.found
}

// Names tells whether an answer of a status is declared otherwise than as default.
func (o *Operation) Names(status int) bool {
	name, _ := o.Response(status)
	return name != "" && name != "default"
}

// Response is what the document declares for a status: by number, by range such as 4XX, or as default.
func (o *Operation) Response(status int) (name string, response *openapi3.Response) {
	for _, name := range []string{strconv.Itoa(status), strconv.Itoa(status/100) + "XX", "default"} {
		if ref := o.Spec.Responses.Value(name); ref != nil {
			return name, ref.Value
		}
	}
	return "", nil
}

// Declares tells whether a status is declared.
func (o *Operation) Declares(status int) bool {
	_, response := o.Response(status)
	return response != nil
}

// collector collects violations of one answer.
type collector struct {
	place string
	// where is where that stands.
	where     openapi.Position
	found     []Violation
	document  *Document
	direction schema.Direction
}

func newCollector(place string) *collector { return &collector{place: place, direction: schema.Answer} }

func (c *collector) add(rule, format string, args ...any) *Violation {
	c.found = append(c.found, Violation{Rule: c.place + " " + rule, Message: fmt.Sprintf(format, args...), Line: c.where.Line, File: c.where.File})
	return &c.found[len(c.found)-1]
}

// of is a violation of a schema.
func (v *Violation) of(p schema.Problem) {
	v.Place, v.Keyword = p.Place, p.Keyword
	if p.Schema != nil {
		if at := openapi.AtField(p.Schema.Origin, p.Keyword); v.Line > 0 && at.Line > 0 {
			v.Line, v.File = at.Line, at.File
		}
	}
}

// isList are the headers that may stand on several lines, which are one list (RFC 9110, section 5.3).
var isList = map[string]bool{
	"Allow": true, "Set-Cookie": true, "Accept": true, "Www-Authenticate": true, "Vary": true, "Cache-Control": true, "Link": true,
	"Access-Control-Allow-Methods": true, "Access-Control-Allow-Headers": true, "Access-Control-Expose-Headers": true,
}

// headers wants every declared header to be as its schema says, and every required one to be there.
func (c *collector) headers(o *Operation, response *openapi3.Response, header http.Header) {
	for _, name := range sortedKeys(response.Headers) {
		declared := response.Headers[name].Value
		if strings.EqualFold(name, "Content-Type") {
			// The specification has it ignored.
			continue
		}
		values := header.Values(name)
		if isList[http.CanonicalHeaderKey(name)] && len(values) > 1 {
			values = []string{strings.Join(values, ", ")}
		}
		switch {
		case len(values) == 0:
			if declared.Required {
				c.add("header "+name, "the header %s is missing", name)
			}
			continue
		case len(values) > 1 && declared.Schema != nil && !declared.Schema.Value.Type.Is("array"):
			c.add("header "+name, "the header %s is there %d times", name, len(values))
		}
		switch r, ok := o.headers[declared]; {
		case ok && !r.Allows(values[0]):
			c.add("header "+name, "the header %s must be %s, and is %q", name, r, schema.Cut(values[0]))
		case !ok:
			c.header(name, declared, values[0])
		}
	}
}

// standard wants what HTTP itself says of an answer (RFC 9110), whatever the document says.
func (c *collector) standard(o *Operation, status int, header http.Header) {
	c.standardHeaders(header)
	switch status {
	case http.StatusMethodNotAllowed:
		allow := splitList(header.Values("Allow"))
		if header.Get("Allow") == "" {
			c.addHTTP("RFC 9110 section 15.5.6", "the header Allow is missing")
			return
		}
		declared := o.document.Methods(o.Path)
		for _, method := range sortedKeys(declared) {
			if !slices.Contains(allow, method) {
				c.addHTTP("RFC 9110 section 15.5.6 "+o.Path, fmt.Sprintf("the header Allow is %q and lacks %s", schema.Cut(header.Get("Allow")), method))
			}
		}
		for _, method := range allow {
			if !declared[method] && method != http.MethodOptions && (method != http.MethodHead || !declared[http.MethodGet]) {
				c.addHTTP("RFC 9110 section 15.5.6 "+o.Path, fmt.Sprintf("the header Allow is %q, and the document has no %s here", schema.Cut(header.Get("Allow")), schema.Cut(method)))
			}
		}
	case http.StatusUnauthorized:
		given := strings.Join(header.Values("WWW-Authenticate"), ", ")
		if given == "" {
			c.addHTTP("RFC 9110 section 15.5.2", "the header WWW-Authenticate is missing")
			return
		}
		if len(o.schemes) > 0 && !slices.ContainsFunc(splitList([]string{given}), func(part string) bool {
			scheme, _, _ := strings.Cut(part, " ")
			return slices.ContainsFunc(o.schemes, func(known string) bool { return strings.EqualFold(known, scheme) })
		}) {
			c.add("header WWW-Authenticate", "the header WWW-Authenticate is %q, and must ask for %s", schema.Cut(given), strings.Join(o.schemes, " or "))
		} else if basic.MatchString(given) && !strings.Contains(strings.ToLower(given), "realm=") {
			c.add("header WWW-Authenticate", "the header WWW-Authenticate is %q and lacks the realm (RFC 7617)", schema.Cut(given))
		}
	}
}

// standardHeaders wants the headers that HTTP defines to have such values.
func (c *collector) standardHeaders(header http.Header) {
	for _, h := range standardHeaders {
		if value := header.Get(h.name); value != "" && !h.is(value) {
			c.addHTTP(h.source, fmt.Sprintf("the header %s is %q, and must be %s", h.name, schema.Cut(value), h.what))
		}
	}
}

// standardHeaders are headers whose values HTTP defines.
var standardHeaders = []struct {
	name, what, source string
	is                 func(value string) bool
}{
	{"Date", "a date of HTTP", "RFC 9110 section 6.6.1", isDate},
	{"Last-Modified", "a date of HTTP", "RFC 9110 section 8.8.2", isDate},
	{"ETag", "a text in quotes", "RFC 9110 section 8.8.3", regexp.MustCompile(`^(W/)?"[^"]*"$`).MatchString},
	{"Location", "a URL", "RFC 9110 section 10.2.2", func(value string) bool { _, err := url.Parse(value); return err == nil }},
	{"Retry-After", "a number of seconds or a date of HTTP", "RFC 9110 section 10.2.3", func(value string) bool {
		_, err := strconv.ParseUint(value, 10, 64)
		return err == nil || isDate(value)
	}},
}

func isDate(value string) bool { _, err := http.ParseTime(value); return err == nil }

// basic is a challenge of HTTP basic.
var basic = regexp.MustCompile(`(?i)(^|,\s*)basic(\s|,|$)`)

// addHTTP adds what breaks a rule of HTTP's own, unless it was found by the document's.
func (c *collector) addHTTP(rule, message string) {
	for _, v := range c.found {
		if v.Message == message {
			return
		}
	}
	c.found = append(c.found, Violation{Rule: rule, Message: message})
}

// media finds what is declared for the answer's media type.
func (c *collector) media(response *openapi3.Response, header http.Header) *openapi3.MediaType {
	declared := sortedKeys(response.Content)
	given := header.Get("Content-Type")
	if n := len(header.Values("Content-Type")); n > 1 {
		c.add("content", "the header Content-Type is there %d times", n)
	}
	if given == "" {
		c.add("content", "the answer has no Content-Type; it must be %s", strings.Join(declared, " or "))
		return nil
	}
	name, parameters, err := mime.ParseMediaType(given)
	if err != nil {
		c.add("content", "the Content-Type %q is malformed", schema.Cut(given))
		return nil
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && strings.HasSuffix(name, "json") {
		c.add("content", "the Content-Type is %q, and JSON is UTF-8", schema.Cut(given))
	}
	if media := openapi.Media(response.Content, given); media != nil {
		return media
	}
	c.add("content", "the media type is %s; it must be %s", schema.Cut(name), strings.Join(declared, " or "))
	return nil
}

func splitList(values []string) []string {
	var list []string
	for _, item := range strings.Split(strings.Join(values, ","), ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
