package openapi

import (
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// Error is a row of a document's error table.
type Error struct {
	Status            int
	Message, MoreInfo string
}

// Errors reads the error table, by code: the examples of the document's error responses.
func Errors(doc *openapi3.T) (map[int]Error, error) {
	table := map[int]Error{}
	for name, response := range doc.Components.Responses {
		media := response.Value.Content["application/json"]
		if media == nil {
			continue
		}
		for example, ref := range media.Examples {
			value, ok := ref.Value.Value.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("example %s of response %s is not an object", example, name)
			}
			code, okCode := value["code"].(float64)
			status, okStatus := value["status"].(float64)
			message, okMessage := value["message"].(string)
			moreInfo, okMoreInfo := value["more_info"].(string)
			if !okCode || !okStatus || !okMessage || !okMoreInfo {
				return nil, fmt.Errorf("example %s of response %s is not an error", example, name)
			}
			table[int(code)] = Error{int(status), message, moreInfo}
		}
	}
	return table, nil
}
