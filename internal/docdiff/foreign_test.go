package docdiff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/internal/docdiff"
)

// in is a document with an operation: a schema of its body, its answer or its parameter, or another part of it.
func in(version, place, text string) docdiff.Document {
	part := map[string]string{
		"request":   "      requestBody: {content: {application/json: {schema: " + text + "}}}\n      responses: {'200': {description: ok}}\n",
		"answer":    "      responses: {'200': {description: ok, content: {application/json: {schema: " + text + "}}}}\n",
		"parameter": "      parameters: [{name: p, in: query, " + text + "}]\n      responses: {'200': {description: ok}}\n",
		"operation": "      " + text + "\n",
	}[place]
	head := fmt.Sprintf("openapi: %s\ninfo: {title: t, version: '1'}\npaths:\n  /things:\n    post:\n", version)
	components := `components:
  securitySchemes: {a: {type: apiKey, in: header, name: X-Key}, b: {type: apiKey, in: header, name: X-Key}, c: {type: http, scheme: basic}}
  schemas:
    Thing: {type: object, properties: {a: {type: string}}}
    Same: {type: object, properties: {a: {type: string}}}
    Level: {type: string, enum: [low, high]}
`
	return docdiff.Document{Name: "d.yaml", Data: []byte(head + part + components)}
}

// worst is the most severe change.
func worst(t *testing.T, older, newer docdiff.Document) (severity string, texts string) {
	t.Helper()
	changes, err := docdiff.Compare(older, newer)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) == 0 {
		return "none", ""
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.Severity.String()+": "+c.Text+" "+c.Comment)
	}
	return changes[0].Severity.String(), strings.Join(lines, "\n")
}

// Two spellings of one thing are no change, in either direction.
func TestSpellings(t *testing.T) {
	const thing = "{$ref: '#/components/schemas/Thing'}"
	for _, test := range []struct{ name, place, older, newer, olderVersion string }{
		{name: "allOf around a reference", place: "request", older: thing, newer: "{allOf: [" + thing + "]}"},
		{name: "allOf in an answer", place: "answer", older: "{type: object, properties: {x: " + thing + "}}", newer: "{type: object, properties: {x: {description: d, allOf: [" + thing + "]}}}"},
		{name: "a reference and what it names", place: "request", older: thing, newer: "{type: object, properties: {a: {type: string}}}"},
		{name: "another name of a component", place: "answer", older: "{oneOf: [" + thing + ", {type: string}]}", newer: "{oneOf: [{$ref: '#/components/schemas/Renamed'}, {type: string}]}"},
		{name: "allOf of two parts", place: "request", older: "{allOf: [" + thing + ", {type: object, required: [a]}]}", newer: "{type: object, required: [a], properties: {a: {type: string}}}"},
		{name: "nullable", place: "answer", olderVersion: "3.0.3", older: "{type: string, nullable: true}", newer: "{type: [string, 'null']}"},
		{name: "null as an alternative", place: "request", older: "{type: [string, 'null']}", newer: "{anyOf: [{type: string}, {type: 'null'}]}"},
		{name: "nullable without a type", place: "request", olderVersion: "3.0.3", older: "{nullable: true}", newer: "{}"},
		{name: "const", place: "answer", older: "{type: string, enum: [x]}", newer: "{type: string, const: x}"},
		{name: "constants", place: "request", older: "{type: string, enum: [x, y]}", newer: "{type: string, oneOf: [{const: x, title: X}, {const: y, title: Y}]}"},
		{name: "an alternative alone", place: "answer", older: thing, newer: "{oneOf: [" + thing + "]}"},
		{name: "a title of an alternative", place: "request", older: "{anyOf: [{type: string, title: A}, {type: integer}]}", newer: "{anyOf: [{type: string, title: Z}, {type: integer}]}"},
		{name: "bounds of an integer", place: "request", older: "{type: integer, minimum: 1}", newer: "{type: integer, exclusiveMinimum: 0}"},
		{name: "bounds of 3.0", place: "request", olderVersion: "3.0.3", older: "{type: number, minimum: 1, exclusiveMinimum: true}", newer: "{type: number, exclusiveMinimum: 1}"},
		{name: "base64", place: "answer", olderVersion: "3.0.3", older: "{type: string, format: byte}", newer: "{type: string, contentEncoding: base64}"},
		{name: "a parameter's reference", place: "parameter", older: "schema: {$ref: '#/components/schemas/Level'}", newer: "schema: {allOf: [{$ref: '#/components/schemas/Level'}]}"},
		{name: "a style that is the default", place: "parameter", older: "schema: {type: array, items: {type: string}}", newer: "style: form, explode: true, schema: {type: array, items: {type: string}}"},
		{name: "another name of a scheme", place: "operation", older: "security: [{a: []}]\n      responses: {'200': {description: ok}}", newer: "security: [{b: []}]\n      responses: {'200': {description: ok}}"},
		{name: "a media type in other letters", place: "operation", older: "responses: {'200': {description: ok, content: {application/json: {schema: {}}}}}", newer: "responses: {'200': {description: ok, content: {Application/JSON; charset=utf-8: {schema: {}}}}}"},
		{name: "alternatives in another order", place: "request", older: "{oneOf: [{type: object, additionalProperties: false, properties: {a: {}}}, {type: object, properties: {b: {}}}]}", newer: "{oneOf: [{type: object, properties: {b: {}}}, {type: object, additionalProperties: false, properties: {a: {}}}]}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.olderVersion == "" {
				test.olderVersion = "3.1.0"
			}
			older, newer := in(test.olderVersion, test.place, test.older), in("3.1.0", test.place, test.newer)
			if strings.Contains(test.newer, "Renamed") {
				newer.Data = []byte(strings.Replace(string(newer.Data), "    Thing:", "    Renamed:", 1))
			}
			for _, pair := range [][2]docdiff.Document{{older, newer}, {newer, older}} {
				if severity, texts := worst(t, pair[0], pair[1]); severity != "none" && severity != "info" {
					t.Errorf("%s:\n%s", severity, texts)
				}
			}
		})
	}
}

// What refuses requests that were valid, or answers what could not come, breaks callers; its reverse does not.
func TestNarrower(t *testing.T) {
	for _, test := range []struct{ name, place, wide, narrow string }{
		{name: "required within allOf", place: "request", wide: "{allOf: [{$ref: '#/components/schemas/Thing'}, {properties: {z: {type: string}}}]}", narrow: "{allOf: [{$ref: '#/components/schemas/Thing'}, {required: [z], properties: {z: {type: string}}}]}"},
		{name: "not", place: "request", wide: "{type: object, properties: {a: {type: string}}}", narrow: "{type: object, properties: {a: {type: string, not: {enum: [x]}}}}"},
		{name: "more that may not be", place: "request", wide: "{type: object, properties: {a: {type: string, not: {enum: [x]}}}}", narrow: "{type: object, properties: {a: {type: string, not: {enum: [x, y]}}}}"},
		{name: "items", place: "request", wide: "{type: array}", narrow: "{type: array, items: {type: integer}}"},
		{name: "the pattern of the whole", place: "request", wide: "{type: string}", narrow: "{type: string, pattern: '^a'}"},
		{name: "a field that no property describes", place: "request", wide: "{type: object}", narrow: "{type: object, required: [q]}"},
		{name: "then", place: "request", wide: "{type: object, properties: {a: {type: integer}}, if: {required: [a]}, then: {properties: {a: {maximum: 10}}}}", narrow: "{type: object, properties: {a: {type: integer}}, if: {required: [a]}, then: {properties: {a: {maximum: 5}}}}"},
		{name: "unevaluatedProperties", place: "request", wide: "{type: object, properties: {a: {}}}", narrow: "{type: object, properties: {a: {}}, unevaluatedProperties: false}"},
		{name: "items of a parameter", place: "parameter", wide: "schema: {type: array, items: {type: string}}", narrow: "schema: {type: array, items: {type: string, maxLength: 3}}"},
		{name: "an enum of its items", place: "parameter", wide: "schema: {type: array, items: {type: string}}", narrow: "schema: {type: array, items: {type: string, enum: [a]}}"},
		{name: "a field of a parameter", place: "parameter", wide: "style: deepObject, schema: {type: object, properties: {a: {type: string}}}", narrow: "style: deepObject, schema: {type: object, required: [a], properties: {a: {type: string}}}"},
		{name: "an optional parameter of FastAPI", place: "parameter", wide: "schema: {anyOf: [{type: string}, {type: 'null'}]}", narrow: "schema: {anyOf: [{type: string, maxLength: 3}, {type: 'null'}]}"},
		{name: "a long pattern", place: "request", wide: "{type: object, properties: {a: {type: string, pattern: '^[a-z]{1,64}$'}}}", narrow: "{type: object, properties: {a: {type: string, pattern: '^[a-z]{1,63}$'}}}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wide, narrow := in("3.1.0", test.place, test.wide), in("3.1.0", test.place, test.narrow)
			if severity, texts := worst(t, wide, narrow); severity != "breaking" {
				t.Errorf("narrower: %s\n%s", severity, texts)
			}
			if severity, texts := worst(t, narrow, wide); severity == "breaking" {
				t.Errorf("wider: %s\n%s", severity, texts)
			}
		})
	}
}

// Each of these was passed over, or told lightly.
func TestChangesOfOtherParts(t *testing.T) {
	for _, test := range []struct{ name, place, older, newer, severity string }{
		{name: "explode", place: "parameter", older: "schema: {type: array, items: {type: string}}", newer: "explode: false, schema: {type: array, items: {type: string}}", severity: "breaking"},
		{name: "a mapping of a discriminator", place: "answer", older: "{oneOf: [{$ref: '#/components/schemas/Thing'}, {$ref: '#/components/schemas/Same'}], discriminator: {propertyName: a, mapping: {x: Thing, y: Same}}}", newer: "{oneOf: [{$ref: '#/components/schemas/Thing'}, {$ref: '#/components/schemas/Same'}], discriminator: {propertyName: a, mapping: {x: Same, y: Thing}}}", severity: "breaking"},
		{name: "both credentials, then either", place: "operation", older: "security: [{a: [], c: []}]\n      responses: {'200': {description: ok}}", newer: "security: [{a: []}, {c: []}]\n      responses: {'200': {description: ok}}", severity: "info"},
		{name: "a callback", place: "operation", older: "callbacks: {c: {'{$request.query.u}': {post: {responses: {'200': {description: ok}}}}}}\n      responses: {'200': {description: ok}}", newer: "callbacks: {c: {'{$request.query.u}': {put: {responses: {'200': {description: ok}}}}}}\n      responses: {'200': {description: ok}}", severity: "warning"},
		{name: "the encoding of a form", place: "operation", older: "requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object, properties: {l: {type: array, items: {type: string}}}}}}}\n      responses: {'200': {description: ok}}", newer: "requestBody: {content: {application/x-www-form-urlencoded: {encoding: {l: {explode: false}}, schema: {type: object, properties: {l: {type: array, items: {type: string}}}}}}}\n      responses: {'200': {description: ok}}", severity: "breaking"},
		{name: "another success", place: "operation", older: "responses: {'200': {description: ok}}", newer: "responses: {'200': {description: ok}, '202': {description: later}}", severity: "warning"},
		{name: "a draft", place: "operation", older: "x-stability-level: draft\n      responses: {'200': {description: ok, content: {application/json: {schema: {type: string}}}}}", newer: "x-stability-level: draft\n      responses: {'200': {description: ok, content: {application/json: {schema: {type: integer}}}}}", severity: "breaking"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if severity, texts := worst(t, in("3.1.0", test.place, test.older), in("3.1.0", test.place, test.newer)); severity != test.severity {
				t.Errorf("%s\n%s", severity, texts)
			}
		})
	}
}

// Documents with two names of one path are compared, and a path that became two.
func TestPathsOfOneShape(t *testing.T) {
	document := func(paths string) docdiff.Document {
		return docdiff.Document{Name: "d.yaml", Data: []byte("openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n" + paths)}
	}
	const parameter = "parameters: [{name: %s, in: path, required: true, schema: {type: string}}], responses: {'200': {description: ok}}}"
	one := document("  /a/{z}:\n    get: {" + fmt.Sprintf(parameter, "z") + "\n    post: {" + fmt.Sprintf(parameter, "z") + "\n")
	two := document("  /a/{x}:\n    get: {" + fmt.Sprintf(parameter, "x") + "\n  /a/{y}:\n    post: {" + fmt.Sprintf(parameter, "y") + "\n")
	for _, pair := range [][2]docdiff.Document{{one, two}, {two, one}} {
		if severity, texts := worst(t, pair[0], pair[1]); severity != "none" && severity != "info" {
			t.Errorf("%s:\n%s", severity, texts)
		}
	}
}

// Schemas that contain each other are the same as themselves, each time; parts that contradict each other change nothing elsewhere.
func TestCycles(t *testing.T) {
	document := func(more string) docdiff.Document {
		return docdiff.Document{Name: "d.yaml", Data: []byte(`openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /a: {post: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}, responses: {'200': {description: ok}}}}
` + more + `components:
  schemas:
    A: {type: object, properties: {b: {$ref: '#/components/schemas/B'}, c: {$ref: '#/components/schemas/C'}, d: {allOf: [{$ref: '#/components/schemas/D'}, {required: [x]}]}}}
    B: {type: object, properties: {a: {$ref: '#/components/schemas/A'}, c: {$ref: '#/components/schemas/C'}}}
    C: {type: object, properties: {a: {$ref: '#/components/schemas/A'}, b: {$ref: '#/components/schemas/B'}}}
    D: {type: object, properties: {x: {type: string}}}
`)}
	}
	for range 20 {
		if severity, texts := worst(t, document(""), document("")); severity != "none" {
			t.Fatalf("%s\n%s", severity, texts)
		}
	}
	contradiction := "  /b: {get: {responses: {'200': {description: ok, content: {application/json: {schema: {allOf: [{type: string}, {type: integer}]}}}}}}}\n"
	changes, err := docdiff.Compare(document(contradiction), document(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if strings.HasSuffix(c.Operation, " /a") {
			t.Errorf("%+v", c)
		}
	}
}
