package openapi

import (
	"strings"
	"testing"
)

const document = `openapi: 3.0.3
info: {title: t, version: "1"}
security: [{basic: []}]
paths:
  /things/{Id}:
    parameters:
      - {name: Id, in: path, required: true, schema: {type: string, minLength: 2, maxLength: 4}}
      - {name: limit, in: query, schema: {type: integer, maximum: 10}}
    get:
      operationId: GetThing
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 50}}
      responses: {"200": {description: it}}
    post:
      operationId: ChangeThing
      security: []
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              properties:
                Size: {type: integer, minimum: 1, exclusiveMinimum: true}
                Colour: {type: string, enum: [red, green]}
                Parts: {type: array, items: {type: string}}
      responses: {"200": {description: it}}
components:
  securitySchemes: {basic: {type: http, scheme: basic}}
`

func TestOperations(t *testing.T) {
	doc, err := Source{Data: []byte(document)}.Read()
	if err != nil {
		t.Fatal(err)
	}
	operations, err := Operations(doc.T)
	if err != nil || len(operations) != 2 {
		t.Fatalf("%d operations, %v", len(operations), err)
	}
	get, post := operations[0], operations[1]
	if get.ID != "GetThing" || get.Method != "GET" || len(get.Security) != 1 || len(post.Security) != 0 {
		t.Errorf("%+v", get)
	}
	// The operation's own parameter replaces that of its path.
	var rules []string
	for _, r := range get.Parameters {
		rules = append(rules, r.Name+": "+r.String())
	}
	if got := strings.Join(rules, "; "); !strings.Contains(got, "50") || strings.Contains(got, "10") || len(rules) != 2 {
		t.Errorf("the rules are %s", got)
	}
	// Fields by name; those that are no scalars have no rule.
	if len(post.Form) != 2 || post.Form[0].Name != "Colour" || !post.Form[1].Allows("2") || post.Form[1].Allows("1") {
		t.Errorf("the form has %+v", post.Form)
	}
	if line := Line(get.Spec.Origin); line != 9 {
		t.Errorf("GetThing is at line %d", line)
	}
}

func TestWithoutAnOperationID(t *testing.T) {
	doc, err := Source{Data: []byte(strings.Replace(document, "operationId: GetThing", "summary: s", 1))}.Read()
	if err != nil {
		t.Fatal(err)
	}
	operations, err := Operations(doc.T)
	if err != nil || operations[0].ID != "GET /things/{Id}" {
		t.Errorf("%v, %v", operations, err)
	}
}
