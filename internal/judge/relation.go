package judge

import (
	"errors"
	"fmt"
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
