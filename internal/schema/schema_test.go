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
	for _, test := range []struct {
		name, version, schema string
		direction             schema.Direction
		value, says           string
	}{
		{"nullable", "3.0.3", "{type: string, nullable: true}", schema.Answer, `null`, ""},
		{"nullable without a type says nothing", "3.0.3", "{nullable: true}", schema.Answer, `1`, ""},
		{"a boolean exclusive bound", "3.0.3", "{type: integer, minimum: 3, exclusiveMinimum: true}", schema.Answer, `3`, "the body is 3, and must be above 3"},
		{"a number as exclusive bound", "3.1.0", "{type: integer, exclusiveMaximum: 3}", schema.Answer, `3`, "must be below 3"},
		{"an integer with a fraction of zero", "3.1.0", "{type: integer}", schema.Answer, `1.0`, ""},
		{"a list of types", "3.1.0", "{type: [string, 'null']}", schema.Answer, `1`, "must be null or string"},
		{"int32", "3.0.3", "{type: integer, format: int32}", schema.Answer, `2147483648`, "no int32"},
		{"byte", "3.0.3", "{type: string, format: byte}", schema.Answer, `"a"`, "no byte"},
		{"a date that is none", "3.0.3", "{type: string, format: date}", schema.Answer, `"2015-02-30"`, "no date"},
		{"what is read-only is not sent", "3.0.3", object, schema.Request, `{"pw":"a"}`, ""},
		{"what is write-only is not answered", "3.0.3", object, schema.Answer, `{"id":1}`, ""},
		{"what is write-only is answered", "3.0.3", object, schema.Answer, `{"id":1,"pw":"a"}`, "pw must not be there"},
		{"a missing field", "3.0.3", object, schema.Answer, `{}`, "the field id is missing"},
		{"an alternative that is meant", "3.1.0", "{anyOf: [{type: 'null'}, {type: object, required: [a], properties: {a: {type: integer}}}]}", schema.Answer, `{"a":"x"}`, `a is the string "x"`},
		{"no alternative", "3.1.0", "{oneOf: [{type: integer}, {type: number}]}", schema.Answer, `1`, "fits 2 of 2 alternatives"},
		{"a pattern with a lookahead", "3.0.3", "{type: string, pattern: '^(?!a)'}", schema.Answer, `"ab"`, "does not match"},
		{"a pattern that would take for ever", "3.0.3", "{type: string, pattern: '^(?!x)(a+)+$'}", schema.Answer, `"` + strings.Repeat("a", 40) + `b"`, ""},
		{"a free object", "3.0.3", "{type: object}", schema.Answer, `{"a":1}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := "openapi: " + test.version + "\ninfo: {title: t, version: v}\npaths: {}\ncomponents: {schemas: {S: " + test.schema + "}}\n"
			d, err := openapi.Source{Name: "d.yaml", Data: []byte(document)}.Read()
			if err != nil {
				t.Fatal(err)
			}
			s, err := schema.NewSet().Of(d.Components.Schemas["S"].Value, test.direction)
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
