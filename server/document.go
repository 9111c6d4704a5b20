package server

import (
	"fmt"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/ruledoc"
)

// contract is what the server takes from the document.
type contract struct {
	doc        *openapi3.T
	operations []ruledoc.Operation
	// errors is the document's error table: the examples of its error responses, by code.
	errors map[int]api.ErrorBody
}

// loadContract parses the embedded document, once a process: it never changes.
var loadContract = sync.OnceValues(func() (*contract, error) {
	doc, err := ruledoc.Load(nudge.OpenAPI)
	if err != nil {
		return nil, err
	}
	operations, err := ruledoc.Operations(doc)
	if err != nil {
		return nil, err
	}
	errors, err := errorTable(doc)
	if err != nil {
		return nil, err
	}
	for _, code := range errorCodes {
		if _, ok := errors[code]; !ok {
			return nil, fmt.Errorf("openapi.yaml: no example of an error response has the code %d", code)
		}
	}
	return &contract{doc: doc, operations: operations, errors: errors}, nil
})

// errorTable reads the examples of the document's error responses.
func errorTable(doc *openapi3.T) (map[int]api.ErrorBody, error) {
	table := map[int]api.ErrorBody{}
	for name, response := range doc.Components.Responses {
		media := response.Value.Content["application/json"]
		if media == nil {
			continue
		}
		for example, ref := range media.Examples {
			value, ok := ref.Value.Value.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("openapi.yaml: example %s of response %s is not an object", example, name)
			}
			code, okCode := value["code"].(float64)
			status, okStatus := value["status"].(float64)
			message, okMessage := value["message"].(string)
			moreInfo, okMoreInfo := value["more_info"].(string)
			if !okCode || !okStatus || !okMessage || !okMoreInfo {
				return nil, fmt.Errorf("openapi.yaml: example %s of response %s is not an error", example, name)
			}
			table[int(code)] = api.ErrorBody{Code: int(code), Status: int(status), Message: message, MoreInfo: moreInfo}
		}
	}
	return table, nil
}
