// Package judge tells whether an answer is one that the document declares. The tests judge every answer they get.
package judge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/ruledoc"
)

// Judge judges answers by a document.
type Judge struct {
	doc       *openapi3.T
	operation ruledoc.Operation
}

// New makes a Judge of the embedded document.
func New() (*Judge, error) {
	doc, err := ruledoc.Load(nudge.OpenAPI)
	if err != nil {
		return nil, err
	}
	operations, err := ruledoc.Operations(doc)
	if err != nil {
		return nil, err
	}
	return &Judge{doc: doc, operation: operations[0]}, nil
}

// Answer judges an answer to r. Answers to requests for no operation are judged as the first operation's: they have the
// error shape too. A preflight's answer belongs to the browser's protocol and must only be empty.
func (j *Judge) Answer(r *http.Request, status int, header http.Header, body []byte) error {
	if r.Method == http.MethodOptions && status == http.StatusNoContent {
		if len(body) > 0 {
			return fmt.Errorf("the answer to a preflight has a body of %d bytes", len(body))
		}
		return nil
	}
	response := j.operation.Spec.Responses.Status(status)
	if response == nil {
		return fmt.Errorf("status %d is not declared", status)
	}
	// A HEAD's answer has no body; its headers are judged all the same.
	request := r.Clone(context.Background())
	request.Method = j.operation.Method
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request,
			Route:   &routers.Route{Spec: j.doc, Path: j.operation.Path, PathItem: j.operation.Item, Method: j.operation.Method, Operation: j.operation.Spec},
		},
		Status: status,
		Header: header,
		Body:   io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			ExcludeResponseBody:   r.Method == http.MethodHead,
		},
	})
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		return nil
	}
	return j.undeclared(response.Value, body)
}

// undeclared finds what a validator lets pass: fields that the schema does not name, and bytes after the value.
func (j *Judge) undeclared(response *openapi3.Response, body []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return fmt.Errorf("the body is not one JSON object: %w", err)
	}
	schema := response.Content["application/json"].Schema.Value
	for name := range fields {
		if _, ok := schema.Properties[name]; !ok {
			return fmt.Errorf("the field %q is not declared", name)
		}
	}
	return nil
}

// Handler judges every answer of next and reports what is wrong with it.
func (j *Judge) Handler(next http.Handler, report func(r *http.Request, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &keeper{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(kept, r)
		if err := j.Answer(r, kept.status, w.Header(), kept.body.Bytes()); err != nil {
			report(r, err)
		}
	})
}

// keeper keeps what is written through it.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (k *keeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

func (k *keeper) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the real writer.
func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }
