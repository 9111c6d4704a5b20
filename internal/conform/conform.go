// Package conform tells whether an answer is one that the document declares: its status, headers, media type and body, and
// what the document's relations say of it. The contract kit judges servers with it, and our own tests every answer they get.
package conform

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// Violation is one thing that is wrong with an answer.
type Violation struct {
	// Kind is what is wrong.
	Kind Kind `json:"kind"`
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
	// Got is what is there, and Want what must be, at most 200 bytes of each: "301" and "300" for a maximum. Empty where that is no
	// one thing.
	Got  string `json:"got,omitempty"`
	Want string `json:"want,omitempty"`
}

// Kind is the part of an answer, or of a request, that is wrong.
type Kind string

// The kinds of violations. A relation is one between requests and their answers, and a connection one that brought no whole answer.
const (
	Status     Kind = "status"
	MediaType  Kind = "mediaType"
	Header     Kind = "header"
	Body       Kind = "body"
	Parameter  Kind = "parameter"
	Security   Kind = "security"
	Relation   Kind = "relation"
	Connection Kind = "connection"
	// NoOperation is a request of which the document does not speak.
	NoOperation Kind = "operation"
)

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

// WithoutBody is the operation without its request body.
func (o *Operation) WithoutBody() *Operation {
	bare, spec := *o, *o.Spec
	spec.RequestBody = nil
	bare.Spec, bare.Form, bare.FormSchema = &spec, nil, nil
	return &bare
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

func (c *collector) add(kind Kind, rule, format string, args ...any) *Violation {
	c.found = append(c.found, Violation{Kind: kind, Rule: c.place + " " + rule, Message: fmt.Sprintf(format, args...), Line: c.where.Line, File: c.where.File})
	return &c.found[len(c.found)-1]
}

// differs says what is there, and what must be.
func (v *Violation) differs(got, want string) { v.Got, v.Want = schema.Cut(got), schema.Cut(want) }

// of is a violation of a schema.
func (v *Violation) of(p schema.Problem) {
	v.Place, v.Keyword = p.Place, p.Keyword
	v.differs(p.Got, p.Want)
	if p.Schema != nil {
		if at := openapi.AtField(p.Schema.Origin, p.Keyword); v.Line > 0 && at.Line > 0 {
			v.Line, v.File = at.Line, at.File
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
