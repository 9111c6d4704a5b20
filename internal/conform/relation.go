package conform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
//	    absent:   [$request.path.Identity]
//	    culprit:  {path: {$response.body#/code: 60306}}
//
// equal: the answer has the request's value, or the default where the request has none; $request.header.Authorization stands
// for the user name of HTTP basic, and is compared only where the answer's schema allows that name. unique: never the same
// twice. identify: the same for the same values of the request, and different for others. now: within a minute of the
// request. listed: one of the values that the examples of this answer have. absent: the answer does not repeat the request's
// value. culprit: what the answer says when the wrong parameter of the request stands in the path, the query,
// a header, a cookie or the body; $name stands for its name. It is judged
// where the answer has all that is named.
const extension = ruledoc.Relations

// culpritName stands for the name of the wrong parameter.
const culpritName = "$name"

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
	absent   []expression
	culprit  map[string][]saying
}

// saying is a value that an answer must have.
type saying struct {
	answer expression
	value  string
}

type pair struct{ answer, request expression }

type identity struct {
	answer expression
	by     []expression
}

// readRelations reads and checks an operation's relations.
func readRelations(op ruledoc.Operation) ([]relations, error) {
	raw := ruledoc.Extension(op.Spec.Extensions, extension)
	if raw == nil {
		return nil, nil
	}
	byStatus, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("must be a map of statuses")
	}
	var list []relations
	for _, status := range sortedKeys(byStatus) {
		responses := matching(op, status)
		if len(responses) == 0 {
			return nil, fmt.Errorf("%s: no such answer is declared", status)
		}
		kinds, ok := byStatus[status].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: must be a map of equal, unique, identify, now, listed, absent and culprit", status)
		}
		r := relations{status: status}
		for _, kind := range sortedKeys(kinds) {
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
		if err == nil && of == "request" && e.of != "request" {
			err = fmt.Errorf("%s must be of the request: $request.path.…, query., header. or body#/…", text)
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
	case "culprit":
		return r.readCulprit(raw, func(text string) (expression, error) { return parse(text, "response") })
	case "unique", "now", "listed", "absent":
		list, ok := raw.([]any)
		if !ok {
			return errors.New("must be a list of expressions")
		}
		for _, item := range list {
			e, err := parse(item, map[bool]string{true: "request", false: "response"}[kind == "absent"])
			if err != nil {
				return err
			}
			switch kind {
			case "unique":
				r.unique = append(r.unique, e)
			case "now":
				r.now = append(r.now, e)
			case "absent":
				r.absent = append(r.absent, e)
			default:
				r.listed = append(r.listed, e)
			}
		}
		return nil
	}
	return errors.New("is none of equal, unique, identify, now, listed, absent and culprit")
}

// readCulprit reads what an answer says of the place of a wrong parameter.
func (r *relations) readCulprit(raw any, parse func(text string) (expression, error)) error {
	places, ok := raw.(map[string]any)
	if !ok {
		return errors.New("must be a map from path, query, header, cookie or body")
	}
	r.culprit = map[string][]saying{}
	for _, place := range sortedKeys(places) {
		if !slices.Contains([]string{"path", "query", "header", "cookie", "body"}, place) {
			return fmt.Errorf("%s is none of path, query, header, cookie and body", place)
		}
		values, ok := places[place].(map[string]any)
		if !ok {
			return fmt.Errorf("%s: must be a map from an expression of the answer to a value", place)
		}
		for _, key := range sortedKeys(values) {
			answer, err := parse(key)
			if err != nil {
				return err
			}
			r.culprit[place] = append(r.culprit[place], saying{answer, wire(values[key])})
		}
	}
	return nil
}

// UniqueHeaders lists the headers of answers of success that must be unique.
func (o *Operation) UniqueHeaders() []string {
	var names []string
	for _, r := range o.relations {
		for _, e := range r.unique {
			if e.in == "header" && strings.HasPrefix(r.status, "2") {
				names = append(names, e.name)
			}
		}
	}
	return names
}

// SuccessHeader is a header of the answers of success; nil when none of them has it.
func (o *Operation) SuccessHeader(name string) *openapi3.Header {
	for _, status := range sortedKeys(o.Spec.Responses.Map()) {
		if header := o.Spec.Responses.Value(status).Value.Headers[name]; header != nil && strings.HasPrefix(status, "2") {
			return header.Value
		}
	}
	return nil
}
