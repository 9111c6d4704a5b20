package server

import (
	"fmt"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
)

// contract is what the server takes from the document.
type contract struct {
	doc        *openapi3.T
	operations []openapi.Operation
	// errors is the document's error table: the examples of its error responses, by code.
	errors map[int]api.ErrorBody
}

// loadContract parses the embedded document, once a process: it never changes.
var loadContract = sync.OnceValues(func() (*contract, error) {
	doc, err := owndocument.Document()
	if err != nil {
		return nil, err
	}
	operations, err := openapi.Operations(doc)
	if err != nil {
		return nil, err
	}
	table, err := openapi.Errors(doc)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	errors := map[int]api.ErrorBody{}
	for code, e := range table {
		errors[code] = api.ErrorBody{Code: code, Status: e.Status, Message: e.Message, MoreInfo: e.MoreInfo}
	}
	for _, code := range errorCodes {
		if _, ok := errors[code]; !ok {
			return nil, fmt.Errorf("openapi.yaml: no example of an error response has the code %d", code)
		}
	}
	return &contract{doc: doc, operations: operations, errors: errors}, nil
})
