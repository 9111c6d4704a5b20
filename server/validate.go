package server

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
)

// validate judges the request against the document. The router has already found the operation, so the validator is
// given it and needs no second router.
func (s *Server) validate(op openapi.Operation, plain *plainRequests) echo.MiddlewareFunc {
	// Credentials were checked before, and defaults were set by strictForm.
	spec := *op.Spec
	spec.Security = openapi3.NewSecurityRequirements()
	route := &routers.Route{Spec: s.contract.doc, Path: op.Path, PathItem: op.Item, Method: op.Method, Operation: &spec}
	options := &openapi3filter.Options{SkipSettingDefaults: true}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if plain != nil && plain.takes(c.Request()) {
				if err := plain.judge(c, callOf(c).hasBody); err != nil {
					return err
				}
				return next(c)
			}
			parameters, err := pathParameters(c)
			if err != nil {
				return err
			}
			err = openapi3filter.ValidateRequest(c.Request().Context(), &openapi3filter.RequestValidationInput{
				Request:    c.Request(),
				PathParams: parameters,
				Route:      route,
				Options:    options,
			})
			if err != nil {
				return refusal(op, err)
			}
			return next(c)
		}
	}
}

// pathParameters gives the path's parameters, unescaped once: the router takes them from the escaped path where there
// is one, and from the unescaped one otherwise. Unescaping those again would let abc%2541 through as abcA.
func pathParameters(c echo.Context) (map[string]string, error) {
	names, values := c.ParamNames(), c.ParamValues()
	parameters := make(map[string]string, len(names))
	for i, name := range names {
		value := values[i]
		if c.Request().URL.RawPath != "" {
			var err error
			if value, err = url.PathUnescape(value); err != nil {
				return nil, &Error{Code: CodeInvalidPathParameter, Note: name + " has a malformed percent escape"}
			}
		}
		parameters[name] = value
	}
	return parameters, nil
}

// refusal turns the validator's error into one of the table's. The validator's own message is not for the caller: it
// holds the whole schema and the whole value.
func refusal(op openapi.Operation, err error) error {
	var request *openapi3filter.RequestError
	if !errors.As(err, &request) {
		return fmt.Errorf("validating the request: %w", err)
	}
	if p := request.Parameter; p != nil {
		return invalid(find(op.Parameters, p.In, p.Name))
	}
	var parse *openapi3filter.ParseError
	if errors.As(err, &parse) {
		if at := parse.Path(); len(at) > 0 {
			return invalid(find(op.Form, "body", fmt.Sprint(at[0])))
		}
	}
	return refusedForm(op, err)
}

// find gives a parameter's rule; one that is no scalar has a rule of its name only.
func find(rules []rule.Rule, in, name string) rule.Rule {
	for _, r := range rules {
		if r.In == in && r.Name == name {
			return r
		}
	}
	return rule.Rule{In: in, Name: name}
}

// invalid says which parameter is wrong and what is allowed, and never what was sent.
func invalid(r rule.Rule) *Error {
	code := CodeInvalidBodyParameter
	if r.In == openapi3.ParameterInPath {
		code = CodeInvalidPathParameter
	}
	return &Error{
		Code:    code,
		Note:    r.Name + " must be " + r.String(),
		Details: &api.ErrorDetails{In: api.ErrorDetailsIn(r.In), Field: r.Name, Rule: r.String()},
	}
}
