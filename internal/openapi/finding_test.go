package openapi

import (
	"strings"
	"testing"
)

// What is wrong in a component is found once, wherever it is used; in one whose name is wrong too, beside an example, and within
// another one.
func TestFindingsOfComponents(t *testing.T) {
	const document = `openapi: 3.0.3
info: {title: t, version: "1"}
paths:
  /things:
    get:
      responses:
        "200":
          description: ok
          content:
            application/json: {schema: {$ref: "#/components/schemas/USED"}}
    put:
      responses:
        "200":
          description: ok
          content:
            application/json: {schema: {$ref: "#/components/schemas/USED"}, EXAMPLE}
components:
  schemas:
    Good: {type: object, required: [n], properties: {n: {type: integer}}}
    NAME: SCHEMA
`
	for _, row := range []struct{ name, schema, used, example, finds string }{
		{name: "Bad", schema: "{type: array}", used: "Bad", finds: "items"},
		{name: "Bad", schema: "{type: object, properties: {list: {type: array}}}", used: "Bad", finds: "items"},
		{name: "Bad", schema: "{type: array}", used: "Good", finds: "items"},
		{name: "'Page«Foo»'", schema: "{type: array}", used: "Page«Foo»", finds: "items"},
		{name: "Other", schema: "{type: string}", used: "Good", example: "example: {n: x}", finds: "value must be an integer"},
		{name: "Other", schema: "{type: string}", used: "Good", example: "example: {n: 1}"},
		{name: "Other", schema: "{type: string}", used: "Good"},
	} {
		text := strings.NewReplacer("NAME", row.name, "SCHEMA", row.schema, "USED", row.used, ", EXAMPLE", strings.TrimSuffix(", "+row.example, ", ")).Replace(document)
		d, err := Source{Name: "d.yaml", Data: []byte(text)}.Read()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		found := 0
		for _, f := range d.Findings {
			if row.finds != "" && strings.Contains(f.Message, row.finds) {
				found++
			}
		}
		if row.finds != "" && found == 0 || row.finds == "" && len(d.Findings) > 0 || found > 1 && row.name == "Bad" {
			t.Errorf("%s %s: %v", row.name, row.schema, d.Findings)
		}
		if media := d.Paths.Value("/things").Get.Responses.Value("200").Value.Content["application/json"]; media.Schema.Ref == "" || d.Components.Schemas["Good"].Value.Properties["n"] == nil {
			t.Errorf("%s: what was left out is not back", row.name)
		}
	}
}
