package portal

import (
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/serialize"
)

// Reference is a document as a reader sees it, in the document's order. Descriptions are CommonMark.
type Reference struct {
	Title, Version, Description string
	License, LicenseURL         string
	Servers                     []Server
	// Schemes are the ways to authenticate.
	Schemes    []Scheme
	Operations []*Operation
	// Errors are the examples of error answers of all operations, each code once.
	Errors []Error
	// extension is the document's x-portal: name, accent, mark.
	extension map[string]any
}

// Server is where the document says that the service is.
type Server struct{ URL, Description string }

// Scheme is a way to authenticate.
type Scheme struct{ Name, Kind, Description string }

// Operation is one operation with all that it takes and answers.
type Operation struct {
	// Anchor is where the operation stands on its page.
	ID, Anchor, Title, Method, Path, Description string
	Deprecated                                   bool
	// Received says of a request that callers receive what it is: a webhook, or a callback; empty for one that they send.
	Received string
	// Security lists the alternatives, of which each names the schemes that it needs together; one that names none needs no
	// credentials. Empty: none are needed.
	Security   [][]string
	Tags       []Tag
	Parameters []*Field
	Body       *Body
	Responses  []*Response
	Samples    []Sample
	// auth is how samples authenticate: basic, bearer, or empty for not at all.
	auth string
	// keys are the API keys that they send.
	keys []apiKey
	// server is where the operation is, with the defaults of its variables.
	server string
	spec   *openapi3.Operation
}

// webhook is what Operation.Received says of one.
const webhook = "webhook"

// Tag is a group that an operation belongs to.
type Tag struct{ Name, Description string }

// Body is what a request carries, under one media type or several.
type Body struct {
	Description string
	Required    bool
	Content     []*Media
}

// Media is a body under its media type.
type Media struct {
	ID, Type string
	Schema   *Field
	Examples []Example
	// made is a body that keeps the schema, as JSON, where there is no example.
	made string
	// encoding is how the fields of a form are written.
	encoding map[string]*openapi3.Encoding
}

// Example is a named example of a body.
type Example struct{ ID, Name, Summary, Value string }

// Response is one declared answer.
type Response struct {
	ID, Status, Description string
	Headers                 []*Field
	Content                 []*Media
}

// IsError tells whether the answer refuses the request.
func (r *Response) IsError() bool { return r.Status >= "4" }

// Field is a parameter, a header, a property, or the value of a body.
type Field struct {
	// ID is unique in the document; pages use it as anchor.
	ID string
	// In is where a parameter stands; empty for the others.
	In, Name, Type       string
	Required, Deprecated bool
	Description          string
	Facts                []Fact
	// Fields are the properties of an object, or the items' of an array.
	Fields []*Field
	// Same is the field that says all of this one: the same header or body of an answer before. Only the name, the type
	// and what the answer requires is said again.
	Same *Field
	// Parent is the anchor of the body that a body's value belongs to.
	Parent string
	schema *openapi3.Schema
	// pairs are a value of the parameter as it stands on the wire; nil: its example as it is.
	pairs []serialize.Pair
}

// Fact is something that the document says of a value: a bound, a length, a pattern, a default, an example.
type Fact struct{ Label, Value string }

// Error is one row of the error table.
type Error struct {
	Code, Status, Message, MoreInfo, Summary string
}
