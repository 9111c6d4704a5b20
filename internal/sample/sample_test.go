package sample_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
)

// load reads a schema of OpenAPI 3.1 with components A and B.
func load(t *testing.T, text string) *openapi3.Schema {
	t.Helper()
	document := "openapi: 3.1.0\ninfo: {title: t, version: v}\npaths: {}\ncomponents:\n  schemas:\n    S: " + text + `
    A: {type: object, required: [t, a], properties: {t: {const: A}, a: {type: integer}}}
    B: {type: object, required: [t, b], properties: {t: {const: B}, b: {type: string}}}
    Node: {type: object, required: [v], properties: {v: {type: integer, minimum: 1}, next: {$ref: '#/components/schemas/Node'}}}
    Inside: {oneOf: [{type: object, required: [of], properties: {of: {$ref: '#/components/schemas/Inside'}}}, {type: integer}]}
`
	d, err := openapi.Source{Name: "d.yaml", Data: []byte(document)}.Read()
	if err != nil {
		t.Fatal(err)
	}
	return d.Components.Schemas["S"].Value
}

// For each keyword there is a value that keeps the schema, others that do too, and some that break it for the keyword.
func TestKeywords(t *testing.T) {
	for _, test := range []struct{ name, schema, keyword string }{
		{"type", "{type: integer}", "type"},
		{"a list of types", "{type: [string, 'null'], minLength: 2}", "minLength"},
		{"enum", "{enum: [a, b]}", "enum"},
		{"const", "{const: 5}", "enum"},
		{"minimum", "{type: number, minimum: 2}", "minimum"},
		{"exclusiveMaximum", "{type: integer, exclusiveMaximum: 10, minimum: 9}", "maximum"},
		{"multipleOf", "{type: number, multipleOf: 0.25, minimum: 3.1}", "multipleOf"},
		{"maxLength", "{type: string, maxLength: 3}", "maxLength"},
		{"pattern", "{type: string, pattern: '^[a-c]{2,4}$'}", "pattern"},
		{"a pattern of ECMA 262", "{type: string, pattern: '^(?!abc)[a-z]{3}$'}", "pattern"},
		{"format date", "{type: string, format: date}", "format"},
		{"format uuid", "{type: string, format: uuid}", "format"},
		{"format ipv4", "{type: string, format: ipv4}", "format"},
		{"minItems", "{type: array, minItems: 2, items: {type: integer}}", "items"},
		{"maxItems", "{type: array, maxItems: 2, items: {type: integer}}", "items"},
		{"uniqueItems", "{type: array, uniqueItems: true, items: {type: integer}}", "uniqueItems"},
		{"uniqueItems of objects", "{type: array, uniqueItems: true, minItems: 3, items: {type: object, required: [id], properties: {id: {type: integer}}}}", "uniqueItems"},
		{"items", "{type: array, items: {type: string, maxLength: 2}}", "maxLength"},
		{"prefixItems", "{type: array, prefixItems: [{type: string}, {type: integer}], minItems: 2}", "prefixItems"},
		{"contains", "{type: array, contains: {const: a}}", "contains"},
		{"required", "{type: object, required: [a], properties: {a: {type: string}}}", "required"},
		{"additionalProperties false", "{type: object, properties: {a: {type: string}}, additionalProperties: false}", "additionalProperties"},
		{"additionalProperties with a schema", "{type: object, additionalProperties: {type: integer}}", "additionalProperties"},
		{"patternProperties", "{type: object, patternProperties: {'^x': {type: integer, maximum: 3}}}", "maximum"},
		{"propertyNames", "{type: object, propertyNames: {pattern: '^[a-z]+$'}, minProperties: 1}", "propertyNames"},
		{"minProperties", "{type: object, minProperties: 2}", "minProperties"},
		{"maxProperties", "{type: object, maxProperties: 1, additionalProperties: {type: string}}", "maxProperties"},
		{"dependentRequired", "{type: object, properties: {a: {type: string}, b: {type: string}}, dependentRequired: {a: [b]}}", "properties"},
		{"allOf", "{allOf: [{type: object, properties: {a: {type: integer, minimum: 3}}}, {required: [a]}]}", "minimum"},
		{"oneOf", "{oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}", "enum"},
		{"anyOf with null", "{anyOf: [{type: integer, maximum: 5}, {type: 'null'}]}", "maximum"},
		{"a discriminator", "{oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}], discriminator: {propertyName: t}}", "enum"},
		{"not", "{type: string, not: {enum: [no]}}", "not"},
		{"if and then", "{type: object, required: [k], properties: {k: {enum: [x, y]}}, if: {properties: {k: {const: x}}}, then: {required: [n]}}", "enum"},
		{"unevaluatedProperties", "{allOf: [{type: object, properties: {a: {type: string}}}], unevaluatedProperties: false}", "additionalProperties"},
		{"what contains itself", "{$ref: '#/components/schemas/Node'}", "minimum"},
		{"what cannot end at its first alternative", "{$ref: '#/components/schemas/Inside'}", "type"},
		{"oneOf beside properties", "{type: object, properties: {t: {type: string}}, oneOf: [{required: [t]}, {required: [u]}]}", "required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := schema.NewSet().Of(load(t, test.schema), schema.Request)
			if err != nil {
				t.Fatal(err)
			}
			for _, all := range []bool{false, true} {
				base, err := sample.Make(s, all)
				if err != nil {
					t.Fatal(err)
				}
				if !s.Valid(base) {
					t.Fatalf("%v is not valid", base)
				}
				valid, invalid := 0, 0
				for _, c := range sample.Cases(s, base) {
					if c.Valid != s.Valid(c.Value) {
						t.Errorf("%+v", c)
					}
					if c.Valid {
						valid++
					} else if c.Keyword == test.keyword {
						invalid++
					}
				}
				if all && invalid == 0 {
					t.Errorf("%v: %d valid, none invalid for %s", base, valid, test.keyword)
				}
			}
		})
	}
}

func TestNothingCanBeMade(t *testing.T) {
	s, err := schema.NewSet().Of(load(t, "{type: string, minLength: 3, maxLength: 2}"), schema.Request)
	if err != nil {
		t.Fatal(err)
	}
	if value, err := sample.Make(s, false); err == nil {
		t.Errorf("%v is made", value)
	}
}
