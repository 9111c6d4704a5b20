package strictserver

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"net/http"

	"go.yaml.in/yaml/v3"
)

//go:embed rows.yaml
var table []byte

// Row is a document with two servers of it.
type Row struct {
	// Name tells what is tried: "request: maximum".
	Name string
	// Document is in YAML.
	Document []byte
	// Right keeps the document; Wrong does not.
	Right, Wrong http.Handler
}

// Rows are the rows of rows.yaml: first those whose wrong server takes requests that it should refuse, then those whose
// wrong server answers what it should not.
func Rows() ([]Row, error) {
	var given struct {
		Requests []request
		Answers  []answer
	}
	if err := yaml.Unmarshal(table, &given); err != nil {
		return nil, err
	}
	var rows []Row
	add := func(name string, right, wrong object, ignored ...string) error {
		row, err := newRow(right, wrong, ignored...)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		row.Name = name
		rows = append(rows, row)
		return nil
	}
	for _, r := range given.Requests {
		document := r.document()
		if err := add("request: "+r.Name, document, document, r.Ignores); err != nil {
			return nil, err
		}
	}
	for _, a := range given.Answers {
		if err := add("answer: "+a.Name, a.document(a.Right, a.RightHeader), a.document(a.Wrong, a.WrongHeader)); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// newRow serves one document rightly, and wrongly one that differs from it in extensions at most.
func newRow(right, wrong object, ignored ...string) (row Row, err error) {
	if row.Document, err = yaml.Marshal(right); err != nil {
		return row, err
	}
	other, err := yaml.Marshal(wrong)
	if err != nil {
		return row, err
	}
	if row.Right, err = New(row.Document); err != nil {
		return row, err
	}
	row.Wrong, err = New(other, ignored...)
	return row, err
}

// request is a row about what a request carries.
type request struct {
	Name, Version string
	// Ignores is the keyword that the wrong server does not look at.
	Ignores string
	// One of these is given: a property of a JSON object, a JSON body, a body of other media types, a parameter.
	Value, Body, Content, Parameter object
	Schemas                         object
}

func (r request) document() object {
	operation := object{}
	switch {
	case r.Parameter != nil:
		operation["parameters"] = []any{r.Parameter}
		path := "/things"
		if r.Parameter["in"] == "path" {
			path += fmt.Sprintf("/{%v}", r.Parameter["name"])
		}
		return documentOf(r.Version, path, "get", operation, r.Schemas)
	case r.Value != nil:
		r.Body = object{"type": "object", "required": []any{"v"}, "properties": object{"v": r.Value}}
	}
	if r.Body != nil {
		r.Content = object{"application/json": object{"schema": r.Body}}
	}
	operation["requestBody"] = object{"required": true, "content": r.Content}
	return documentOf(r.Version, "/things", "post", operation, r.Schemas)
}

// answer is a row about what the one success answers.
type answer struct {
	Name, Version string
	// MediaType is JSON's where none is given.
	MediaType string `yaml:"mediaType"`
	Schema    object
	// Header describes the header X-N.
	Header       object
	Schemas      object
	Right, Wrong any
	// RightHeader and WrongHeader are values of X-N.
	RightHeader string `yaml:"rightHeader"`
	WrongHeader string `yaml:"wrongHeader"`
}

func (a answer) document(body any, header string) object {
	success := object{"description": "ok", "content": object{cmp.Or(a.MediaType, "application/json"): object{"schema": a.Schema}}, "x-answer": body}
	if a.Header != nil {
		success["headers"] = object{"X-N": a.Header}
		success["x-headers"] = object{"X-N": header}
	}
	return documentOf(a.Version, "/things", "get", object{"responses": object{"200": success}}, a.Schemas)
}

// documentOf is a document of one operation, which declares what it answers to what it refuses.
func documentOf(version, path, method string, operation, schemas object) object {
	responses, _ := operation["responses"].(object)
	if responses == nil {
		responses = object{"200": object{"description": "ok", "x-answer": object{"ok": true}, "content": object{"application/json": object{"schema": object{
			"type": "object", "required": []any{"ok"}, "properties": object{"ok": object{"type": "boolean"}}}}}}}
		operation["responses"] = responses
	}
	for _, status := range []string{"400", "404", "405", "415"} {
		responses[status] = object{"$ref": "#/components/responses/Error"}
	}
	return object{
		"openapi": cmp.Or(version, "3.0.3"),
		"info":    object{"title": "a row", "version": "1"},
		"paths":   object{path: object{method: operation}},
		"components": object{
			"responses": object{"Error": object{"description": "refused", "content": object{"application/json": object{"schema": object{
				"type": "object", "required": []any{"error"}, "properties": object{"error": object{"type": "string"}}}}}}},
			"schemas": maps.Clone(schemas),
		},
	}
}
