package conform

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// expression is a runtime expression.
type expression struct {
	text string
	// of is "request", "response" or the whole expression; in is "path", "query", "header" or "body".
	of, in, name string
	// schema is what the document says of the value; nil where it says nothing.
	schema *openapi3.Schema
}

// parseExpression reads a runtime expression and checks that the document has what it names.
func parseExpression(op openapi.Operation, responses []*openapi3.Response, text string) (expression, error) {
	e := expression{text: text}
	switch text {
	case "$statusCode", "$method", "$url":
		e.of = text
		return e, nil
	}
	rest, isRequest := strings.CutPrefix(text, "$request.")
	e.of = "request"
	if !isRequest {
		var ok bool
		if rest, ok = strings.CutPrefix(text, "$response."); !ok {
			return e, fmt.Errorf("%s is no runtime expression: it must be $statusCode, $request.… or $response.…", text)
		}
		e.of = "response"
	}
	if pointer, ok := strings.CutPrefix(rest, "body#/"); ok {
		e.in, e.name = "body", pointer
		return e, e.findBody(op, responses)
	}
	in, name, _ := strings.Cut(rest, ".")
	e.in, e.name = in, name
	known := in == "header" || isRequest && (in == "path" || in == "query")
	if !known || name == "" {
		return e, fmt.Errorf("%s is no runtime expression: after $request. comes path., query., header. or body#/, after $response. header. or body#/", text)
	}
	if isRequest {
		return e, e.findParameter(op)
	}
	return e, e.findHeader(responses)
}

// findParameter finds the parameter that an expression names.
func (e *expression) findParameter(op openapi.Operation) error {
	if e.in == "header" && strings.EqualFold(e.name, "Authorization") {
		return nil
	}
	p := op.Parameter(e.in, e.name)
	if p == nil {
		return fmt.Errorf("%s: the operation has no %s parameter %s", e.text, e.in, e.name)
	}
	if p.Schema != nil {
		e.schema = p.Schema.Value
	}
	return nil
}

// findHeader finds the header of an answer that an expression names.
func (e *expression) findHeader(responses []*openapi3.Response) error {
	for _, response := range responses {
		if header := response.Headers[e.name]; header != nil {
			if header.Value.Schema != nil {
				e.schema = header.Value.Schema.Value
			}
			return nil
		}
	}
	return fmt.Errorf("%s: no such header is declared", e.text)
}

func (e *expression) findBody(op openapi.Operation, responses []*openapi3.Response) error {
	var contents []openapi3.Content
	if e.of == "request" {
		if op.Spec.RequestBody == nil {
			return fmt.Errorf("%s: the operation takes no body", e.text)
		}
		contents = append(contents, op.Spec.RequestBody.Value.Content)
	} else {
		for _, response := range responses {
			contents = append(contents, response.Content)
		}
	}
	for _, content := range contents {
		for _, media := range content {
			if media.Schema == nil {
				continue
			}
			if schema := at(media.Schema.Value, strings.Split(e.name, "/")); schema != nil {
				e.schema = schema
				return nil
			}
		}
	}
	return fmt.Errorf("%s: the body has no such field", e.text)
}

// at follows a JSON pointer through a schema.
func at(s *openapi3.Schema, path []string) *openapi3.Schema {
	if len(path) == 0 {
		return s
	}
	declared := map[string]*openapi3.Schema{}
	gather(s, declared, 0)
	next := declared[unescapePointer(path[0])]
	if next == nil && s.Items != nil {
		next = s.Items.Value
	}
	if next == nil {
		return nil
	}
	return at(next, path[1:])
}

func unescapePointer(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "~1", "/"), "~0", "~")
}

// short names the value of an answer.
func (e expression) short() string {
	if e.in == "header" {
		return "the header " + e.name
	}
	return strings.ReplaceAll(e.name, "/", ".")
}

// describe names the value of a request.
func (e expression) describe(x Exchange) string {
	if e.of != "request" {
		return e.text
	}
	if strings.EqualFold(e.name, "Authorization") {
		return "the user name"
	}
	if e.in == "body" {
		if _, given := e.sent(x); !given {
			return "the default of " + e.name
		}
	}
	return "the request's " + e.name
}

// request is the value of an expression in a request, or its default; given is false when it has neither.
func (e expression) request(x Exchange) (value string, given bool) {
	if value, given := e.sent(x); given {
		return value, true
	}
	if e.of == "request" && e.schema != nil && e.schema.Default != nil {
		return wire(e.schema.Default), true
	}
	return "", false
}

func (e expression) sent(x Exchange) (value string, given bool) {
	r := x.Request
	switch e.of {
	case "$statusCode":
		return fmt.Sprint(x.Status), true
	case "$method":
		return r.Method, true
	case "$url":
		return r.URL.String(), true
	}
	switch e.in {
	case "path":
		value, given = r.Path[e.name]
	case "query":
		given = r.URL.Query().Has(e.name)
		value = r.URL.Query().Get(e.name)
	case "header":
		value, given = r.Header.Get(e.name), len(r.Header.Values(e.name)) > 0
		if strings.EqualFold(e.name, "Authorization") {
			return userName(value)
		}
	case "body":
		if r.Form != nil {
			given = r.Form.Has(e.name)
			value = r.Form.Get(e.name)
			break
		}
		value, given = follow(r.JSON, strings.Split(e.name, "/"))
	}
	return value, given
}

// userName is the first half of HTTP basic credentials; the second is never compared or told.
func userName(authorization string) (string, bool) {
	scheme, encoded, _ := strings.Cut(authorization, " ")
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !strings.EqualFold(scheme, "basic") {
		return "", false
	}
	name, _, ok := strings.Cut(string(decoded), ":")
	return name, ok
}

// response is the value of an expression in an answer; ok is false when there is none.
func (e expression) response(x Exchange, body any) (value string, ok bool) {
	if e.in == "header" {
		return x.Header.Get(e.name), len(x.Header.Values(e.name)) > 0
	}
	return follow(body, strings.Split(e.name, "/"))
}

// follow follows a JSON pointer through a body to a scalar.
func follow(v any, path []string) (string, bool) {
	for _, name := range path {
		o, ok := v.(*object)
		if !ok {
			return "", false
		}
		v = o.values[unescapePointer(name)]
	}
	switch value := v.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return fmt.Sprint(value), true
	}
	return "", false
}
