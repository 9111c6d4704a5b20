package conform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
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
// a header, a cookie or the body; $name stands for its name. Judged only if the
// answer has all the listed fields.
const extension = openapi.Relations

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
func readRelations(op openapi.Operation) ([]relations, error) {
	raw := openapi.Extension(op.Spec.Extensions, extension)
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
func matching(op openapi.Operation, status string) []*openapi3.Response {
	var list []*openapi3.Response
	for name, ref := range op.Spec.Responses.Map() {
		if name == status || len(status) == 3 && strings.HasSuffix(strings.ToUpper(status), "XX") && strings.HasPrefix(name, status[:1]) {
			list = append(list, ref.Value)
		}
	}
	return list
}

// parser reads an expression, which must be of the answer or of the request where of says so.
type parser func(value any, of string) (expression, error)

// parserOf reads the expressions of an operation's relations.
func parserOf(op openapi.Operation, responses []*openapi3.Response) parser {
	return func(value any, of string) (expression, error) {
		text, ok := value.(string)
		if !ok {
			return expression{}, fmt.Errorf("%v is no runtime expression", value)
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
}

func (r *relations) read(op openapi.Operation, responses []*openapi3.Response, kind string, raw any) error {
	parse := parserOf(op, responses)
	list := func(of string, into *[]expression) error {
		expressions, err := readList(raw, of, parse)
		*into = append(*into, expressions...)
		return err
	}
	switch kind {
	case "equal":
		return r.readEqual(raw, parse)
	case "identify":
		return r.readIdentify(raw, parse)
	case "culprit":
		return r.readCulprit(raw, func(text string) (expression, error) { return parse(text, "response") })
	case "unique":
		return list("response", &r.unique)
	case "now":
		return list("response", &r.now)
	case "listed":
		return list("response", &r.listed)
	case "absent":
		return list("request", &r.absent)
	}
	return errors.New("is none of equal, unique, identify, now, listed, absent and culprit")
}

func readList(raw any, of string, parse parser) ([]expression, error) {
	items, ok := raw.([]any)
	if !ok {
		return nil, errors.New("must be a list of expressions")
	}
	list := make([]expression, 0, len(items))
	for _, item := range items {
		e, err := parse(item, of)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// eachPair reads a map whose keys are expressions of the answer.
func eachPair(raw any, parse parser, add func(answer expression, key string, value any) error) error {
	pairs, ok := raw.(map[string]any)
	if !ok {
		return errors.New("must be a map from an expression of the answer")
	}
	for _, key := range sortedKeys(pairs) {
		answer, err := parse(key, "response")
		if err != nil {
			return err
		}
		if err := add(answer, key, pairs[key]); err != nil {
			return err
		}
	}
	return nil
}

func (r *relations) readEqual(raw any, parse parser) error {
	return eachPair(raw, parse, func(answer expression, _ string, value any) error {
		request, err := parse(value, "")
		r.equal = append(r.equal, pair{answer, request})
		return err
	})
}

func (r *relations) readIdentify(raw any, parse parser) error {
	return eachPair(raw, parse, func(answer expression, key string, value any) error {
		if list, ok := value.([]any); !ok || len(list) == 0 {
			return fmt.Errorf("%s: must have a list of expressions", key)
		}
		by, err := readList(value, "", parse)
		r.identify = append(r.identify, identity{answer: answer, by: by})
		return err
	})
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
