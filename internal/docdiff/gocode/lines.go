package gocode

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// lines finds what generated names come from.
type lines struct {
	// named are the lines of schemas, of their properties as "schema.property", and of parameters; parts are those of the
	// components and of the operations whose names are parts of generated ones.
	named, parts map[string]int
	// statuses are the lines of an operation's answers, as "operation 201"; headers those of their headers, as
	// "operation 201 name" and "component name".
	statuses, headers map[string]int
	servers           int
}

// newLines reads where everything stands in a document.
func newLines(doc *openapi3.T) lines {
	l := lines{named: map[string]int{}, parts: map[string]int{}, statuses: map[string]int{}, headers: map[string]int{}}
	if len(doc.Servers) > 0 {
		l.servers = openapi.Line(doc.Servers[0].Origin)
	}
	if doc.Components != nil {
		for name, ref := range doc.Components.Schemas {
			l.schema(name, ref.Value)
		}
		for name, ref := range doc.Components.Parameters {
			l.named[simple(name)] = openapi.Line(ref.Value.Origin)
		}
		for name, ref := range doc.Components.Responses {
			l.parts[simple(name)] = openapi.Line(ref.Value.Origin)
			l.headersOf(simple(name), ref.Value)
		}
	}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			l.operation(op)
		}
	}
	return l
}

func (l lines) schema(name string, s *openapi3.Schema) {
	if other, ok := s.Extensions["x-go-name"].(string); ok {
		name = other
	}
	l.named[simple(name)], l.parts[simple(name)] = openapi.Line(s.Origin), openapi.Line(s.Origin)
	for property, ref := range s.Properties {
		l.named[simple(name)+"."+simple(property)] = openapi.Line(ref.Value.Origin)
		if ref.Ref == "" && (len(ref.Value.Properties) > 0 || len(ref.Value.Enum) > 0) {
			l.schema(name+property, ref.Value)
		}
	}
}

func (l lines) headersOf(answer string, response *openapi3.Response) {
	for name, ref := range response.Headers {
		l.headers[answer+" "+simple(name)] = openapi.Line(ref.Value.Origin)
	}
}

func (l lines) operation(op *openapi3.Operation) {
	id := simple(op.OperationID)
	l.parts[id] = openapi.LineOf(op.Origin, "operationId")
	for status, ref := range op.Responses.Map() {
		l.statuses[id+" "+simple(status)] = openapi.Line(ref.Value.Origin)
		l.headersOf(id+" "+simple(status), ref.Value)
	}
	for _, ref := range op.Parameters {
		l.named[id+"params."+simple(ref.Value.Name)] = openapi.Line(ref.Value.Origin)
	}
}

var (
	identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	status     = regexp.MustCompile(`[1-5][0-9x]{2}|default`)
)

// of finds the line of a symbol such as CreateNotificationRequest.Ttl: a schema and its property, an answer, an operation. 0:
// there is none.
func (l lines) of(symbol string) int {
	var names []string
	for _, name := range identifier.FindAllString(symbol, -1) {
		names = append(names, simple(name))
	}
	if len(names) == 0 {
		return 0
	}
	if len(names) > 1 {
		if line := l.named[names[0]+"."+names[1]]; line != 0 {
			return line
		}
	}
	if line := l.named[names[0]]; line != 0 {
		return line
	}
	if strings.HasPrefix(names[0], "serverurl") {
		return l.servers
	}
	// The longest part says most: a field's name before its type's.
	for i := len(names) - 1; i >= 0; i-- {
		part := ""
		for candidate := range l.parts {
			if strings.Contains(names[i], candidate) && (len(candidate) > len(part) || len(candidate) == len(part) && candidate < part) {
				part = candidate
			}
		}
		if part == "" {
			continue
		}
		return l.ofPart(part, names)
	}
	return 0
}

// ofPart finds the line of a symbol that an operation or a component is part of: a header, an answer, or the part itself.
func (l lines) ofPart(part string, names []string) int {
	answer := part
	for _, name := range names {
		if found := status.FindString(strings.ReplaceAll(name, part, " ")); l.statuses[part+" "+found] != 0 {
			answer += " " + found
			break
		}
	}
	if line := l.headers[answer+" "+names[len(names)-1]]; line != 0 {
		return line
	}
	if answer != part {
		return l.statuses[answer]
	}
	return l.parts[part]
}

// simple makes names of the document and of Go comparable: date_created is DateCreated.
func simple(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}
