package judge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/ruledoc"
)

// extension is where an operation declares its relations: what must hold between a request and its answer, or between
// answers, and no schema can state. Its keys are statuses and ranges (201, 4XX), its values runtime expressions of OpenAPI.
//
//	x-relations:
//	  '201':
//	    equal:    {$response.body#/ttl: $request.body#/Ttl}
//	    unique:   [$response.body#/sid]
//	    identify: {$response.body#/entity_sid: [$request.path.Identity]}
//	    now:      [$response.body#/date_created]
//	  4XX:
//	    equal:    {$response.body#/status: $statusCode}
//	    listed:   [$response.body#/code]
//
// equal: the answer has the request's value, or the default where the request has none; $request.header.Authorization stands
// for the user name of HTTP basic, and is compared only where the answer's schema allows that name. unique: never the same
// twice. identify: the same for the same values of the request, and different for others. now: within a minute of the
// request. listed: one of the values that the examples of this answer have.
const extension = "x-relations"

// near is how far a clock may be away.
const near = time.Minute

// relations are those of one status or range of statuses.
type relations struct {
	status   string
	equal    []pair
	unique   []expression
	identify []identity
	now      []expression
	listed   []expression
}

type pair struct{ answer, request expression }

type identity struct {
	answer expression
	by     []expression
}

// expression is a runtime expression.
type expression struct {
	text string
	// of is "request", "response" or the whole expression; in is "path", "query", "header" or "body".
	of, in, name string
	// schema is what the document says of the value; nil where it says nothing.
	schema *openapi3.Schema
}

// readRelations reads and checks an operation's relations.
func readRelations(op ruledoc.Operation) ([]relations, error) {
	raw, ok := op.Spec.Extensions[extension]
	if !ok {
		return nil, nil
	}
	byStatus, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("must be a map of statuses")
	}
	var list []relations
	for _, status := range sortedKeys(byStatus) {
		if strings.HasPrefix(status, "__") {
			// The loader's own.
			continue
		}
		responses := matching(op, status)
		if len(responses) == 0 {
			return nil, fmt.Errorf("%s: no such answer is declared", status)
		}
		kinds, ok := byStatus[status].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: must be a map of equal, unique, identify, now and listed", status)
		}
		r := relations{status: status}
		for _, kind := range sortedKeys(kinds) {
			if strings.HasPrefix(kind, "__") {
				continue
			}
			if err := r.read(op, responses, kind, kinds[kind]); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", status, kind, err)
			}
		}
		list = append(list, r)
	}
	return list, nil
}

// matching lists the declared answers of a status or a range.
func matching(op ruledoc.Operation, status string) []*openapi3.Response {
	var list []*openapi3.Response
	for name, ref := range op.Spec.Responses.Map() {
		if name == status || len(status) == 3 && strings.HasSuffix(strings.ToUpper(status), "XX") && strings.HasPrefix(name, status[:1]) {
			list = append(list, ref.Value)
		}
	}
	return list
}

func (r *relations) read(op ruledoc.Operation, responses []*openapi3.Response, kind string, raw any) error {
	parse := func(v any, of string) (expression, error) {
		text, ok := v.(string)
		if !ok {
			return expression{}, fmt.Errorf("%v is no runtime expression", v)
		}
		e, err := parseExpression(op, responses, text)
		if err == nil && of == "response" && e.of != "response" {
			err = fmt.Errorf("%s must be of the answer: $response.body#/… or $response.header.…", text)
		}
		return e, err
	}
	switch kind {
	case "equal", "identify":
		pairs, ok := raw.(map[string]any)
		if !ok {
			return errors.New("must be a map from an expression of the answer")
		}
		for _, key := range sortedKeys(pairs) {
			if strings.HasPrefix(key, "__") {
				continue
			}
			answer, err := parse(key, "response")
			if err != nil {
				return err
			}
			if kind == "equal" {
				request, err := parse(pairs[key], "")
				if err != nil {
					return err
				}
				r.equal = append(r.equal, pair{answer, request})
				continue
			}
			list, ok := pairs[key].([]any)
			if !ok || len(list) == 0 {
				return fmt.Errorf("%s: must have a list of expressions", key)
			}
			id := identity{answer: answer}
			for _, item := range list {
				e, err := parse(item, "")
				if err != nil {
					return err
				}
				id.by = append(id.by, e)
			}
			r.identify = append(r.identify, id)
		}
		return nil
	case "unique", "now", "listed":
		list, ok := raw.([]any)
		if !ok {
			return errors.New("must be a list of expressions")
		}
		for _, item := range list {
			e, err := parse(item, "response")
			if err != nil {
				return err
			}
			switch kind {
			case "unique":
				r.unique = append(r.unique, e)
			case "now":
				r.now = append(r.now, e)
			default:
				r.listed = append(r.listed, e)
			}
		}
		return nil
	}
	return errors.New("is none of equal, unique, identify, now and listed")
}

// parseExpression reads a runtime expression and checks that the document has what it names.
func parseExpression(op ruledoc.Operation, responses []*openapi3.Response, text string) (expression, error) {
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
		if in == "header" && strings.EqualFold(name, "Authorization") {
			return e, nil
		}
		for _, ref := range slices.Concat(op.Spec.Parameters, op.Item.Parameters) {
			if ref.Value.In == in && ref.Value.Name == name {
				if ref.Value.Schema != nil {
					e.schema = ref.Value.Schema.Value
				}
				return e, nil
			}
		}
		return e, fmt.Errorf("%s: the operation has no %s parameter %s", text, in, name)
	}
	for _, response := range responses {
		if header := response.Headers[name]; header != nil {
			if header.Value.Schema != nil {
				e.schema = header.Value.Schema.Value
			}
			return e, nil
		}
	}
	return e, fmt.Errorf("%s: no such header is declared", text)
}

func (e *expression) findBody(op ruledoc.Operation, responses []*openapi3.Response) error {
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

// Memory keeps what relations between answers need. It is safe for use by several goroutines.
type Memory struct {
	mu sync.Mutex
	// seen are the values that must be unique, by expression.
	seen map[string]map[string]bool
	// known are the values by what they identify, and what they identify by the values.
	known, owner map[string]map[string]string
}

// NewMemory makes an empty Memory.
func NewMemory() *Memory {
	return &Memory{seen: map[string]map[string]bool{}, known: map[string]map[string]string{}, owner: map[string]map[string]string{}}
}

// Exchange is a request with its answer.
type Exchange struct {
	Request *Request
	Status  int
	Header  http.Header
	Body    []byte
	// Time is when the answer came.
	Time time.Time
}

// Relate judges the relations of an answer.
func (o *Operation) Relate(x Exchange, memory *Memory) []Violation {
	name, response := o.Response(x.Status)
	if response == nil || x.Request.Method == http.MethodHead {
		return nil
	}
	c := &collector{place: o.ID + " " + name + " " + extension}
	body, err := parseJSON(x.Body)
	if err != nil {
		// That is told already.
		body = nil
	}
	for _, r := range o.relations {
		if r.status != name && (!strings.HasSuffix(strings.ToUpper(r.status), "XX") || r.status[:1] != fmt.Sprint(x.Status/100)) {
			continue
		}
		for _, p := range r.equal {
			c.equal(p, x, body)
		}
		for _, e := range r.unique {
			c.unique(e, x, body, memory)
		}
		for _, id := range r.identify {
			c.identify(id, x, body, memory)
		}
		for _, e := range r.now {
			c.now(e, x, body)
		}
		for _, e := range r.listed {
			c.listed(e, x, body, response)
		}
	}
	return c.found
}

func (c *collector) equal(p pair, x Exchange, body any) {
	want, given := p.request.request(x)
	if !given {
		return
	}
	if strings.EqualFold(p.request.name, "Authorization") && p.request.in == "header" {
		if p.answer.schema == nil || !allows(p.answer.schema, want) {
			return
		}
	}
	got, ok := p.answer.response(x, body)
	if ok && !sameValue(got, want) {
		c.add("equal "+p.answer.text, "%s is %q, and %s is %q", p.answer.short(), cut(got), p.request.describe(x), cut(want))
	}
	if !ok {
		c.add("equal "+p.answer.text, "%s is missing or null, and must be %q", p.answer.short(), cut(want))
	}
}

func (c *collector) unique(e expression, x Exchange, body any, memory *Memory) {
	got, ok := e.response(x, body)
	if !ok {
		if e.in == "body" {
			c.add("unique "+e.text, "%s is missing or null, and must be new each time", e.short())
		}
		return
	}
	memory.mu.Lock()
	defer memory.mu.Unlock()
	if memory.seen[e.text] == nil {
		memory.seen[e.text] = map[string]bool{}
	}
	if memory.seen[e.text][got] {
		c.add("unique "+e.text, "%s is %q, which another answer had already", e.short(), cut(got))
	}
	memory.seen[e.text][got] = true
}

func (c *collector) identify(id identity, x Exchange, body any, memory *Memory) {
	got, ok := id.answer.response(x, body)
	if !ok {
		c.add("identify "+id.answer.text, "%s is missing or null", id.answer.short())
		return
	}
	var values, names []string
	for _, e := range id.by {
		value, given := e.request(x)
		if !given {
			return
		}
		values, names = append(values, value), append(names, e.name)
	}
	key := strings.Join(values, "\x00")
	memory.mu.Lock()
	defer memory.mu.Unlock()
	text := id.answer.text
	if memory.known[text] == nil {
		memory.known[text], memory.owner[text] = map[string]string{}, map[string]string{}
	}
	if before, ok := memory.known[text][key]; ok && before != got {
		c.add("identify "+text, "%s is %q, and was %q for the same %s", id.answer.short(), cut(got), cut(before), strings.Join(names, " and "))
	}
	if before, ok := memory.owner[text][got]; ok && before != key {
		c.add("identify "+text, "%s is %q, as for another %s", id.answer.short(), cut(got), strings.Join(names, " and "))
	}
	memory.known[text][key], memory.owner[text][got] = got, key
}

func (c *collector) now(e expression, x Exchange, body any) {
	got, ok := e.response(x, body)
	if !ok {
		c.add("now "+e.text, "%s is missing or null, and must be the time of the request", e.short())
		return
	}
	at, err := time.Parse(time.RFC3339, got)
	if err != nil {
		// The format is judged by the schema.
		return
	}
	if away := x.Time.Sub(at); away > near || away < -near {
		c.add("now "+e.text, "%s is %s, which is %s away from the request", e.short(), cut(got), away.Abs().Round(time.Second))
	}
}

func (c *collector) listed(e expression, x Exchange, body any, response *openapi3.Response) {
	got, ok := e.response(x, body)
	if !ok {
		return
	}
	var values []string
	for _, media := range response.Content {
		for _, example := range media.Examples {
			if value, ok := lookup(example.Value.Value, strings.Split(e.name, "/")); ok {
				values = append(values, value)
			}
		}
		if value, ok := lookup(media.Example, strings.Split(e.name, "/")); ok {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	if len(values) > 0 && !slices.Contains(values, got) {
		c.add("listed "+e.text, "%s is %s; the examples of this answer have %s", e.short(), cut(got), strings.Join(values, ", "))
	}
}

// lookup follows a JSON pointer through a parsed example to a scalar.
func lookup(v any, path []string) (string, bool) {
	for _, name := range path {
		fields, ok := v.(map[string]any)
		if !ok {
			return "", false
		}
		v = fields[unescapePointer(name)]
	}
	if v == nil {
		return "", false
	}
	return wire(v), true
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

// sameValue compares as text, and numbers as numbers.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && len(a) < 40 && len(b) < 40 && x.Cmp(y) == 0
}

func allows(s *openapi3.Schema, value string) bool {
	rule, ok, err := ruledoc.Of("header", "", s)
	return err == nil && ok && rule.Allows(value)
}
