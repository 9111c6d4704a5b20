package openapi

import (
	"strings"
	"testing"
	"testing/fstest"
)

const empty = "openapi: 3.0.3\ninfo: {title: t, version: \"1\"}\npaths: {}\n"

func TestFindings(t *testing.T) {
	for _, test := range []struct{ name, document, finding string }{
		{name: "an invalid example", document: document + "  schemas: {S: {type: string, minLength: 3, example: ab}}\n", finding: "invalid example"},
		{name: "two names of one path", document: strings.Replace(document, "components:", "  /things/{Other}:\n    delete: {responses: {\"204\": {description: d}}}\ncomponents:", 1), finding: "conflicting paths"},
		{name: "one ID twice", document: strings.Replace(document, "ChangeThing", "GetThing", 1), finding: "same operation id"},
		{name: "a fragment in a path", document: strings.Replace(empty, "{}", "{/a#b: {get: {responses: {\"200\": {description: d}}}}}", 1), finding: "fragment"},
		{name: "an unknown keyword", document: strings.Replace(document, "3.0.3", "3.1.0", 1) + "  schemas: {S: {type: string, enumNames: [a]}}\n", finding: "enumNames"},
		{name: "a $ref to nothing", document: strings.Replace(document, "{type: integer, maximum: 10}", "{$ref: '#/components/schemas/None'}", 1), finding: "\"#/components/schemas/None\" leads to nothing"},
		{name: "a $ref to another kind", document: strings.Replace(document, "{description: it}", "{$ref: '#/components/schemas/S'}", 1) + "  schemas: {S: {type: string}}\n", finding: "\"#/components/schemas/S\" leads to nothing that may stand there"},
		{name: "a mapping to nothing", document: document + "  schemas: {S: {type: object, discriminator: {propertyName: k, mapping: {a: 'gone.yml#/a'}}}}\n", finding: "\"gone.yml#/a\" leads to nothing"},
		{name: "an object for a list", document: document + "  schemas:\n    S:\n      type: string\n      examples:\n        a: {value: b}\n        b: c\n      description: d\n", finding: "read as the list of its values"},
		{name: "Swagger 2.0 with statuses as numbers", document: "swagger: '2.0'\ninfo: {title: a, version: '1'}\npaths: {/a: {get: {responses: {200: {description: a}}}}}\n", finding: "Swagger 2.0"},
		{name: "a directive of YAML 1.2", document: "# A comment.\n%YAML 1.2\n---\n" + document + "  schemas: {S: {type: string, minLength: 3, example: ab}}\n", finding: "line 32"},
		{name: "a $ref to the file itself", document: strings.Replace(document, "{type: integer, maximum: 10}", "{$ref: './d.yaml#/components/schemas/S'}", 1) + "  schemas: {S: {type: string, minLength: 3, example: ab}}\n", finding: "invalid example"},
		{name: "two wrong parts of an example", document: document + "  schemas: {S: {type: object, properties: {m: {type: integer}, n: {type: integer}}, example: {m: a, n: b}}}\n", finding: "invalid example"},
		{name: "OpenAPI 3.2", document: strings.Replace(empty, "3.0.3", "3.2.0", 1), finding: "3.2.0"},
		{name: "Swagger 2.0 with extensions among paths and answers", document: "swagger: '2.0'\ninfo: {title: a, version: '1'}\npaths: {x-minty: fresh, /a: {x-a: 1, get: {responses: {x-b: [c], 200: {description: a}}}}}\n", finding: "Swagger 2.0"},
		{name: "a media type of null in a webhook", document: "openapi: 3.1.0\ninfo: {title: a, version: '1'}\nwebhooks: {a: {post: {requestBody: {content: {application/json: null}}, responses: {'200': {description: x, headers: {X: {content: {text/plain: null}}}}}}}}\n", finding: "it may have any"},
		{name: "a media type of null in a callback", document: "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {/a: {get: {callbacks: {a: {'{$url}': {post: {requestBody: {content: {application/json: null}}, responses: {'200': {description: x}}}}}}, responses: {'200': {description: x}}}}}\n", finding: "it may have any"},
		{name: "Swagger 2.0 with a path of null", document: "swagger: '2.0'\ninfo: {title: a, version: '1'}\npaths: {/a: null, /b: {get: {responses: {200: {description: a}}}}}\n", finding: "Swagger 2.0"},
		{name: "Swagger 2.0", document: strings.Replace(empty, "openapi: 3.0.3", "swagger: \"2.0\"", 1), finding: "Swagger 2.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Source{Name: "d.yaml", Data: []byte(test.document)}.Read()
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, f := range d.Findings {
				all.WriteString(f.String() + "\n")
			}
			if !strings.Contains(all.String(), test.finding) {
				t.Errorf("the findings are %q, without %s", all.String(), test.finding)
			}
			if _, err := Operations(d.T); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsNoDocument(t *testing.T) {
	for _, test := range []struct{ name, document, wrong string }{
		{name: "another version", document: "openapi: 4.0.0\n", wrong: "4.0.0 is not supported"},
		{name: "none", document: "a: b\n", wrong: "no OpenAPI document"},
		{name: "a $ref out of the folder", document: strings.Replace(document, "{type: integer, maximum: 10}", "{$ref: '../secret.yaml'}", 1), wrong: "outside of the document's folder"},
		{name: "a $ref to another host", document: strings.Replace(document, "{type: integer, maximum: 10}", "{$ref: 'http://127.0.0.1:1/x.yaml'}", 1), wrong: "on another host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Source{Name: "d.yaml", Data: []byte(test.document), Files: fstest.MapFS{}}.Read()
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("got %v, want %s", err, test.wrong)
			}
		})
	}
}

// Files beside the document are read, and those that they refer to in turn.
func TestRefsToFiles(t *testing.T) {
	files := fstest.MapFS{
		"parts/limit.yaml": {Data: []byte("{$ref: 'sizes.yaml#/Limit'}")},
		"parts/sizes.yaml": {Data: []byte("Limit: {type: integer, maximum: 7}\n")},
	}
	text := strings.Replace(document, "{type: integer, maximum: 50}", "{$ref: 'parts/limit.yaml'}", 1)
	for _, name := range []string{"openapi.yaml", "specs/openapi.yaml", "HEAD~1:specs/openapi.yaml", "https://example.com/specs/openapi.yaml"} {
		d, err := Source{Name: name, Data: []byte(text), Files: files}.Read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		operations, err := Operations(d.T)
		if err != nil || operations[0].Parameter("query", "limit").Schema.Value.Max == nil || *operations[0].Parameter("query", "limit").Schema.Value.Max != 7 {
			t.Errorf("%s: %+v, %v", name, operations, err)
		}
	}
}
