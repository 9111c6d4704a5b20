package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
)

func TestCheck(t *testing.T) {
	const object = "{type: object, required: [id, pw], properties: {id: {type: integer, readOnly: true}, pw: {type: string, writeOnly: true}}}"
	// beside are schemas that S may refer to.
	const beside = `
    Cat: {type: object, required: [kind, meow], properties: {kind: {type: string}, meow: {type: integer}}}
    Dog: {type: object, required: [kind, bark], properties: {kind: {type: string}, bark: {type: integer}}}
    Animal: {type: object, required: [kind], properties: {kind: {type: string}}, discriminator: {propertyName: kind}}
    Bird: {allOf: [{$ref: '#/components/schemas/Animal'}, {type: object, required: [wings], properties: {wings: {type: integer}}}]}
`
	for _, test := range []struct {
		name, version, schema string
		direction             schema.Direction
		value, says           string
	}{
		{name: "nullable", version: "3.0.3", schema: "{type: string, nullable: true}", direction: schema.Answer, value: `null`},
		{name: "nullable without a type says nothing", version: "3.0.3", schema: "{nullable: true}", direction: schema.Answer, value: `1`},
		{name: "a boolean exclusive bound", version: "3.0.3", schema: "{type: integer, minimum: 3, exclusiveMinimum: true}", direction: schema.Answer, value: `3`, says: "the body is 3, and must be above 3"},
		{name: "a number as exclusive bound", version: "3.1.0", schema: "{type: integer, exclusiveMaximum: 3}", direction: schema.Answer, value: `3`, says: "must be below 3"},
		{name: "an integer with a fraction of zero", version: "3.1.0", schema: "{type: integer}", direction: schema.Answer, value: `1.0`},
		{name: "a list of types", version: "3.1.0", schema: "{type: [string, 'null']}", direction: schema.Answer, value: `1`, says: "must be null or string"},
		{name: "int32", version: "3.0.3", schema: "{type: integer, format: int32}", direction: schema.Answer, value: `2147483648`, says: "no int32"},
		{name: "byte", version: "3.0.3", schema: "{type: string, format: byte}", direction: schema.Answer, value: `"a"`, says: "no byte"},
		{name: "a date that is none", version: "3.0.3", schema: "{type: string, format: date}", direction: schema.Answer, value: `"2015-02-30"`, says: "no date"},
		{name: "what is read-only is not sent", version: "3.0.3", schema: object, direction: schema.Request, value: `{"pw":"a"}`},
		{name: "what is write-only is not answered", version: "3.0.3", schema: object, direction: schema.Answer, value: `{"id":1}`},
		{name: "what is write-only is answered", version: "3.0.3", schema: object, direction: schema.Answer, value: `{"id":1,"pw":"a"}`, says: "pw must not be there"},
		{name: "a missing field", version: "3.0.3", schema: object, direction: schema.Answer, value: `{}`, says: "the field id is missing"},
		{name: "an alternative that is meant", version: "3.1.0", schema: "{anyOf: [{type: 'null'}, {type: object, required: [a], properties: {a: {type: integer}}}]}", direction: schema.Answer, value: `{"a":"x"}`, says: `a is the string "x"`},
		{name: "no alternative", version: "3.1.0", schema: "{oneOf: [{type: integer}, {type: number}]}", direction: schema.Answer, value: `1`, says: "fits 2 of 2 alternatives"},
		{name: "a pattern with a lookahead", version: "3.0.3", schema: "{type: string, pattern: '^(?!a)'}", direction: schema.Answer, value: `"ab"`, says: "does not match"},
		{name: "a no-break space is a space", version: "3.0.3", schema: `{type: string, pattern: '^a\s[\s]\Sb$'}`, direction: schema.Answer, value: `"a\u00a0\u2003xb"`},
		{name: "a no-break space is not other than a space", version: "3.0.3", schema: `{type: string, pattern: '^\S$'}`, direction: schema.Answer, value: `"\u00a0"`, says: "does not match"},
		{name: "other than a space within a class", version: "3.0.3", schema: `{type: string, pattern: '^[\Sx]+$'}`, direction: schema.Answer, value: `"\u00a0"`, says: "does not match"},
		{name: "a dot is no carriage return", version: "3.0.3", schema: `{type: string, pattern: '^a.b$'}`, direction: schema.Answer, value: `"a\rb"`, says: "does not match"},
		{name: "a dot within a class is a dot", version: "3.0.3", schema: `{type: string, pattern: '^[.]$'}`, direction: schema.Answer, value: `"a"`, says: "does not match"},
		{name: "a POSIX class is letters", version: "3.0.3", schema: `{type: string, pattern: '^[[:alpha:]]$'}`, direction: schema.Answer, value: `"a]"`},
		{name: "an empty class matches nothing", version: "3.0.3", schema: `{type: string, pattern: '^[]$'}`, direction: schema.Answer, value: `"a"`, says: "does not match"},
		{name: "a pattern that would take for ever", version: "3.0.3", schema: "{type: string, pattern: '^(?!x)(a+)+$'}", direction: schema.Answer, value: `"` + strings.Repeat("a", 40) + `b"`},
		{name: "nullable is no keyword of 3.1", version: "3.1.0", schema: "{type: [string, 'null', string], nullable: true}", direction: schema.Answer, value: `1`, says: "the body is 1, and must be null or string"},
		{name: "nullable beside parts", version: "3.0.3", schema: "{nullable: true, allOf: [{type: object}]}", direction: schema.Answer, value: `null`},
		{name: "a field that another part makes read-only", version: "3.0.3", schema: "{allOf: [{type: object, properties: {id: {type: integer, readOnly: true}}}, {required: [id]}]}", direction: schema.Request, value: `{}`},
		{name: "an alternative that its discriminator does not name", version: "3.0.3", schema: "{oneOf: [{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}], discriminator: {propertyName: kind, mapping: {dog: Dog}}}", direction: schema.Answer, value: `{"kind":"dog","meow":1}`, says: `has the kind "dog", and is not the alternative that this names`},
		{name: "an alternative that its discriminator names", version: "3.0.3", schema: "{oneOf: [{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}], discriminator: {propertyName: kind, mapping: {dog: Dog}}}", direction: schema.Answer, value: `{"kind":"dog","bark":1}`},
		{name: "a child that is not known", version: "3.0.3", schema: "{type: object, properties: {animal: {$ref: '#/components/schemas/Animal'}}}", direction: schema.Answer, value: `{"animal":{"kind":"Cow"}}`, says: `animal has the kind "Cow", and is not the alternative that this names`},
		{name: "a child without its field", version: "3.0.3", schema: "{type: object, properties: {animal: {$ref: '#/components/schemas/Animal'}}}", direction: schema.Answer, value: `{"animal":{"kind":"Bird"}}`, says: "not the alternative"},
		{name: "a child", version: "3.0.3", schema: "{type: object, properties: {animal: {$ref: '#/components/schemas/Animal'}}}", direction: schema.Answer, value: `{"animal":{"kind":"Bird","wings":2}}`},
		{name: "a free object", version: "3.0.3", schema: "{type: object}", direction: schema.Answer, value: `{"a":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := "openapi: " + test.version + "\ninfo: {title: t, version: v}\npaths: {}\ncomponents:\n  schemas:\n    S: " + test.schema + beside
			d, err := openapi.Source{Name: "d.yaml", Data: []byte(document)}.Read()
			if err != nil {
				t.Fatal(err)
			}
			s, err := schema.NewSet(d.T).Of(d.Components.Schemas["S"].Value, test.direction)
			if err != nil {
				t.Fatal(err)
			}
			decoder := json.NewDecoder(strings.NewReader(test.value))
			decoder.UseNumber()
			var value any
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, p := range s.Check(value) {
				all = append(all, p.Text)
			}
			if got := strings.Join(all, "; "); (got == "") != (test.says == "") || !strings.Contains(got, test.says) || s.Valid(value) != (test.says == "") {
				t.Errorf("got %q, want %q", got, test.says)
			}
		})
	}
}
