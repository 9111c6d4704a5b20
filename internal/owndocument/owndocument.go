// Package owndocument reads the document that the module embeds once a process, for all who use it: server, directories,
// documentation and its tools. They share it, so nobody may change it.
package owndocument

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/openapi"
)

// Document is openapi.yaml. The error is of a document that is not right.
func Document() (*openapi3.T, error) {
	read, err := document()
	if err != nil {
		return nil, err
	}
	return read.T, nil
}

var document = sync.OnceValues(func() (*openapi.Document, error) {
	read, err := openapi.Source{Name: "openapi.yaml", Data: nudge.OpenAPI}.Read()
	if err == nil && len(read.Findings) > 0 {
		err = fmt.Errorf("openapi.yaml: %s", read.Findings[0])
	}
	return read, err
})

// Read reads a document with its lines; what is wrong in it are findings. openapi.yaml is read but once.
func Read(data []byte) (*openapi.Document, error) {
	if bytes.Equal(data, nudge.OpenAPI) {
		return document()
	}
	return openapi.Source{Name: "the OpenAPI document", Data: data}.Read()
}
