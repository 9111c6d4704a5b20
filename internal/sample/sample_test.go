package sample_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
)

// compile reads a schema of OpenAPI 3.1 with some others beside it.
func compile(t *testing.T, text string) *schema.Schema {
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
	s, err := schema.NewSet(d.T).Of(d.Components.Schemas["S"].Value, schema.Request)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// For each keyword there is a value that keeps the schema, others that do too, and some that break it for the keyword.
func TestKeywords(t *testing.T) {
	for _, test := range []struct{ name, schema, keyword string }{
		{name: "type", schema: "{type: integer}", keyword: "type"},
		{name: "a list of types", schema: "{type: [string, 'null'], minLength: 2}", keyword: "minLength"},
		{name: "enum", schema: "{enum: [a, b]}", keyword: "enum"},
		{name: "const", schema: "{const: 5}", keyword: "enum"},
		{name: "minimum", schema: "{type: number, minimum: 2}", keyword: "minimum"},
		{name: "exclusiveMaximum", schema: "{type: integer, exclusiveMaximum: 10, minimum: 9}", keyword: "maximum"},
		{name: "multipleOf", schema: "{type: number, multipleOf: 0.25, minimum: 3.1}", keyword: "multipleOf"},
		{name: "maxLength", schema: "{type: string, maxLength: 3}", keyword: "maxLength"},
		{name: "pattern", schema: "{type: string, pattern: '^[a-c]{2,4}$'}", keyword: "pattern"},
		{name: "a pattern of ECMA 262", schema: "{type: string, pattern: '^(?!abc)[a-z]{3}$'}", keyword: "pattern"},
		{name: "format date", schema: "{type: string, format: date}", keyword: "format"},
		{name: "format uuid", schema: "{type: string, format: uuid}", keyword: "format"},
		{name: "format ipv4", schema: "{type: string, format: ipv4}", keyword: "format"},
		{name: "minItems", schema: "{type: array, minItems: 2, items: {type: integer}}", keyword: "items"},
		{name: "maxItems", schema: "{type: array, maxItems: 2, items: {type: integer}}", keyword: "items"},
		{name: "uniqueItems", schema: "{type: array, uniqueItems: true, items: {type: integer}}", keyword: "uniqueItems"},
		{name: "uniqueItems of objects", schema: "{type: array, uniqueItems: true, minItems: 3, items: {type: object, required: [id], properties: {id: {type: integer}}}}", keyword: "uniqueItems"},
		{name: "items", schema: "{type: array, items: {type: string, maxLength: 2}}", keyword: "maxLength"},
		{name: "prefixItems", schema: "{type: array, prefixItems: [{type: string}, {type: integer}], minItems: 2}", keyword: "prefixItems"},
		{name: "contains", schema: "{type: array, contains: {const: a}}", keyword: "contains"},
		{name: "required", schema: "{type: object, required: [a], properties: {a: {type: string}}}", keyword: "required"},
		{name: "additionalProperties false", schema: "{type: object, properties: {a: {type: string}}, additionalProperties: false}", keyword: "additionalProperties"},
		{name: "additionalProperties with a schema", schema: "{type: object, additionalProperties: {type: integer}}", keyword: "additionalProperties"},
		{name: "patternProperties", schema: "{type: object, patternProperties: {'^x': {type: integer, maximum: 3}}}", keyword: "maximum"},
		{name: "propertyNames", schema: "{type: object, propertyNames: {pattern: '^[a-z]+$'}, minProperties: 1}", keyword: "propertyNames"},
		{name: "minProperties", schema: "{type: object, minProperties: 2}", keyword: "minProperties"},
		{name: "maxProperties", schema: "{type: object, maxProperties: 1, additionalProperties: {type: string}}", keyword: "maxProperties"},
		{name: "dependentRequired", schema: "{type: object, properties: {a: {type: string}, b: {type: string}}, dependentRequired: {a: [b]}}", keyword: "properties"},
		{name: "allOf", schema: "{allOf: [{type: object, properties: {a: {type: integer, minimum: 3}}}, {required: [a]}]}", keyword: "minimum"},
		{name: "oneOf", schema: "{oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}", keyword: "enum"},
		{name: "anyOf with null", schema: "{anyOf: [{type: integer, maximum: 5}, {type: 'null'}]}", keyword: "maximum"},
		{name: "a discriminator", schema: "{oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}], discriminator: {propertyName: t}}", keyword: "enum"},
		{name: "not", schema: "{type: string, not: {enum: [no]}}", keyword: "not"},
		{name: "if and then", schema: "{type: object, required: [k], properties: {k: {enum: [x, y]}}, if: {properties: {k: {const: x}}}, then: {required: [n]}}", keyword: "enum"},
		{name: "unevaluatedProperties", schema: "{allOf: [{type: object, properties: {a: {type: string}}}], unevaluatedProperties: false}", keyword: "additionalProperties"},
		{name: "what contains itself", schema: "{$ref: '#/components/schemas/Node'}", keyword: "minimum"},
		{name: "what cannot end at its first alternative", schema: "{$ref: '#/components/schemas/Inside'}", keyword: "type"},
		{name: "contains beside uniqueItems", schema: "{type: array, contains: {type: integer}, minContains: 2, uniqueItems: true}", keyword: "contains"},
		{name: "contains beside prefixItems", schema: "{type: array, prefixItems: [{type: string}], contains: {type: integer}}", keyword: "contains"},
		{name: "propertyNames of a list", schema: "{type: object, propertyNames: {enum: [a, b, c]}, minProperties: 2}", keyword: "propertyNames"},
		{name: "a short email", schema: "{type: string, format: email, maxLength: 10}", keyword: "maxLength"},
		{name: "enum of a boolean", schema: "{type: boolean, enum: [true]}", keyword: "enum"},
		{name: "time", schema: "{type: string, format: time}", keyword: "format"},
		{name: "maxContains", schema: "{type: array, contains: {type: integer}, maxContains: 2}", keyword: "contains"},
		{name: "a long propertyName", schema: "{type: object, propertyNames: {maxLength: 20}}", keyword: "propertyNames"},
		{name: "two of oneOf", schema: "{type: object, oneOf: [{required: [a], properties: {a: {type: integer}}}, {required: [b], properties: {b: {type: integer}}}]}", keyword: "oneOf"},
		{name: "oneOf beside properties", schema: "{type: object, properties: {t: {type: string}}, oneOf: [{required: [t]}, {required: [u]}]}", keyword: "required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := compile(t, test.schema)
			for _, all := range []bool{false, true} {
				base, err := sample.Make(s, all)
				if err != nil {
					t.Fatal(err)
				}
				if !s.Valid(base) {
					t.Fatalf("%v is not valid", base)
				}
				valid, invalid := 0, 0
				for _, c := range sample.Cases(s, base, sample.Many) {
					if c.Valid != s.Valid(c.Value()) {
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

// Each place has its own cases, however it is reached.
func TestPlaces(t *testing.T) {
	wide := "{type: object, properties: {"
	for i := range 60 {
		wide += fmt.Sprintf("a%d: {type: object, properties: {b: {type: integer, maximum: 5}, c: {type: string, maxLength: 3}}}, ", i)
	}
	for _, test := range []struct{ name, schema, place, keyword string }{
		{name: "the second of oneOf", schema: "{oneOf: [{type: object, required: [z], additionalProperties: false, properties: {z: {type: string}}}, {type: object, required: [v], additionalProperties: false, properties: {v: {type: integer, maximum: 5}}}]}", place: "v", keyword: "maximum"},
		{name: "the second of anyOf in a list", schema: "{type: array, items: {anyOf: [{type: boolean}, {type: integer, maximum: 5}]}}", place: "[0]", keyword: "maximum"},
		{name: "null comes first", schema: "{type: object, properties: {v: {anyOf: [{type: 'null'}, {type: string, maxLength: 3}]}}}", place: "v", keyword: "maxLength"},
		{name: "a value of a map", schema: "{type: object, properties: {m: {type: object, additionalProperties: {type: integer, maximum: 5}}}}", place: "m.extra", keyword: "maximum"},
		{name: "seven deep", schema: "{type: object, properties: {a: {type: object, properties: {b: {type: object, properties: {c: {type: object, properties: {d: {type: object, properties: {e: {type: object, properties: {f: {type: integer, maximum: 5}}}}}}}}}}}}}", place: "a.b.c.d.e.f", keyword: "maximum"},
		{name: "the last of many", schema: wide + "z: {type: integer, maximum: 5}}}", place: "z", keyword: "maximum"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := compile(t, test.schema)
			base, err := sample.Make(s, true)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(sample.Cases(s, base, sample.Many), func(c sample.Case) bool { return !c.Valid && c.Place == test.place && c.Keyword == test.keyword }) {
				t.Errorf("nothing breaks %s at %s", test.keyword, test.place)
			}
		})
	}
}

func TestNothingCanBeMade(t *testing.T) {
	s := compile(t, "{type: string, minLength: 3, maxLength: 2}")
	if value, err := sample.Make(s, false); err == nil {
		t.Errorf("%v is made", value)
	}
}

// What is judged by its place alone is judged as the whole is, whatever else has a say.
func TestPlacesAreJudgedAsTheWhole(t *testing.T) {
	for _, text := range []string{
		"{type: object, required: [a, l], properties: { a: {type: object, required: [n], additionalProperties: false, properties: {n: {type: integer, maximum: 5}, s: {type: string, format: date}, o: {oneOf: [{type: object, required: [x], properties: {x: {type: integer, minimum: 2}}}, {type: string}]}}}, l: {type: array, maxItems: 3, items: {type: object, minProperties: 1, properties: {e: {enum: [p, q]}, m: {type: array, uniqueItems: true, items: {type: integer}}}}}, c: {type: object, properties: {kind: {enum: [card, cash]}, number: {type: string}}, if: {properties: {kind: {const: card}}}, then: {required: [number]}}, f: {type: string, not: {enum: [root]}}, g: {type: object, properties: {a: {type: string}, b: {type: integer}}, dependentRequired: {a: [b]}}, h: {type: object, patternProperties: {'^n': {type: integer}}, maxProperties: 1}}}",
		"{type: object, patternProperties: {'^n': {type: integer, maximum: 2}}, additionalProperties: {type: string}, required: [n1, m]}",
		"{type: object, properties: {n: {type: integer, minimum: 1}}, patternProperties: {'^n': {type: integer, maximum: 3}}, required: [n]}",
		"{type: object, required: [a], allOf: [{properties: {a: {type: integer, maximum: 5}}}, {additionalProperties: {minimum: 1}}]}",
		"{type: array, minItems: 2, allOf: [{prefixItems: [{type: integer}, {type: integer}]}, {items: {type: integer, minimum: 1}}]}",
		"{type: object, required: [a, b], properties: {a: {type: integer}, b: {type: string}}, dependentSchemas: {a: {properties: {b: {maxLength: 2}}}}}",
		"{type: object, properties: {o: {type: object, required: [a, b], properties: {a: {type: integer}, b: {type: string}}, dependentSchemas: {a: {properties: {b: {maxLength: 2}}}}}}}",
		"{type: array, minItems: 2, prefixItems: [{type: integer}], unevaluatedItems: {type: string}}",
		"{type: object, propertyNames: {maxLength: 3}, properties: {a: {type: object, maxProperties: 2, additionalProperties: {type: integer, maximum: 4}}}}",
		"{type: array, contains: {type: integer, minimum: 5}, items: {type: integer}}",
		"{type: array, minItems: 1, contains: {required: [x]}, items: {type: object, properties: {x: {type: integer}, y: {type: integer}}}}",
		"{type: object, properties: {a: {type: object, properties: {x: {type: integer}, y: {type: integer}}}}, dependentSchemas: {a: {properties: {a: {required: [x]}}}}}",
	} {
		s := compile(t, text)
		for _, all := range []bool{false, true} {
			base, err := sample.Make(s, all)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			cases := sample.Cases(s, base, 10_000)
			if len(cases) < 5 {
				t.Errorf("%s: only %d cases", text, len(cases))
			}
			for _, c := range cases {
				if s.Valid(c.Value()) != c.Valid {
					t.Errorf("%s: %s %s: it is said to be valid: %t", text, c.Place, c.What, c.Valid)
				}
			}
		}
	}
}
