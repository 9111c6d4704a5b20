package server

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"github.com/nudgehq/nudge/internal/openapi"
)

// FuzzPlainRequests holds that plain requests are judged as openapi3filter judges them, the culprit included: of any document whose
// parameters stand in the path and whose body is a form.
func FuzzPlainRequests(f *testing.F) { f.Fuzz(rapid.MakeFuzz(samePlainVerdict)) }

func TestPlainRequests(t *testing.T) { rapid.Check(t, samePlainVerdict) }

// schemaText draws a schema of one value, and texts that are near to it.
func schemaText(t *rapid.T, label string) (schema string, texts []string) {
	number := rapid.IntRange(-20, 20)
	var keywords []string
	add := func(format string, values ...any) { keywords = append(keywords, fmt.Sprintf(format, values...)) }
	maybe := func(name string, add func()) {
		if rapid.Bool().Draw(t, label+name) {
			add()
		}
	}
	kind := rapid.SampledFrom([]string{"string", "integer", "number", "boolean"}).Draw(t, label+"type")
	add("type: %s", kind)
	texts = []string{"", "a", "0", "7", "-3", "1.5", "1e2", "true", "false", "null", "007", "+1", "0x1", "99999999999999999999", "é", " ", "VA0", "2026-01-02"}
	switch kind {
	case "string":
		maybe("minLength", func() { add("minLength: %d", rapid.IntRange(0, 4).Draw(t, label+"min")) })
		maybe("maxLength", func() { add("maxLength: %d", rapid.IntRange(1, 5).Draw(t, label+"max")) })
		maybe("pattern", func() {
			add("pattern: '%s'", rapid.SampledFrom([]string{"^[a-z]+$", "^VA[0-9]*$", "^.{2}$", "a|7", `^\\d+$`, "é"}).Draw(t, label+"p"))
		})
		maybe("enum", func() { add("enum: [a, VA0, '7']") })
		maybe("format", func() { add("format: %s", rapid.SampledFrom([]string{"date", "uuid", "password"}).Draw(t, label+"f")) })
		texts = append(texts, rapid.StringN(0, 6, -1).Draw(t, label+"text"))
	case "integer", "number":
		maybe("minimum", func() { add("minimum: %d", number.Draw(t, label+"least")) })
		maybe("maximum", func() { add("maximum: %d", number.Draw(t, label+"most")) })
		maybe("exclusive", func() { add("exclusiveMinimum: true") })
		maybe("multiple", func() { add("multipleOf: %d", rapid.IntRange(1, 4).Draw(t, label+"step")) })
		maybe("enum", func() { add("enum: [0, 7, 100]") })
		maybe("format", func() { add("format: %s", rapid.SampledFrom([]string{"int32", "int64", "float"}).Draw(t, label+"f")) })
		texts = append(texts, fmt.Sprint(number.Draw(t, label+"n")), fmt.Sprint(int64(1)<<33))
	}
	maybe("nullable", func() { add("nullable: true") })
	maybe("read", func() {
		if rapid.IntRange(0, 5).Draw(t, label+"only") == 0 {
			add("readOnly: true")
		}
	})
	return "{" + strings.Join(keywords, ", ") + "}", texts
}

// odd draws something that plain requests may not have, or that changes what they mean, now and then; empty mostly.
func odd(t *rapid.T, label string, all ...string) string {
	if rapid.IntRange(0, 7).Draw(t, label+" is odd") > 0 {
		return ""
	}
	return rapid.SampledFrom(all).Draw(t, label)
}

// drawnDocument draws a document of one operation, with texts that are near to the values of each parameter and field. isOdd tells that
// it need not be plain.
func drawnDocument(t *rapid.T) (document string, near map[string][]string, isOdd bool) {
	near = map[string][]string{}
	oddly := func(label string, all ...string) string {
		text := odd(t, label, all...)
		isOdd = isOdd || text != ""
		return text
	}
	var b strings.Builder
	b.WriteString("openapi: " + cmp.Or(oddly("version", "3.1.0"), "3.0.3") + "\ninfo: {title: t, version: '1'}\npaths:\n  /a/{p}/b/{q}:\n    parameters:\n")
	for _, name := range []string{"p", "q"} {
		var schema string
		schema, near[name] = schemaText(t, name)
		fmt.Fprintf(&b, "    - {name: %s, in: path, required: true%s, schema: %s}\n", name, oddly("parameter "+name, ", style: label", ", style: matrix", ", allowEmptyValue: true"), schema)
	}
	b.WriteString("    post:\n      operationId: op\n")
	if rapid.Bool().Draw(t, "own q") {
		var schema string
		schema, near["q"] = schemaText(t, "own")
		fmt.Fprintf(&b, "      parameters:\n      - {name: q, in: path, required: true, schema: %s}\n", schema)
	}
	if rapid.Bool().Draw(t, "body") {
		fmt.Fprintf(&b, "      requestBody:\n        required: %v\n        content:\n          application/x-www-form-urlencoded:\n            schema:\n              type: object\n", rapid.Bool().Draw(t, "required"))
		if rapid.Bool().Draw(t, "closed") {
			b.WriteString("              additionalProperties: false\n")
		}
		var required []string
		b.WriteString("              properties:\n")
		for _, name := range []string{"F", "G", "H"} {
			var schema string
			schema, near[name] = schemaText(t, name)
			schema = cmp.Or(oddly("schema of "+name, "{allOf: ["+schema+"]}", "{not: "+schema+"}", "{type: array, items: "+schema+"}"), schema)
			if value := oddly("default of "+name, "a", "7", "true"); value != "" {
				schema = strings.TrimSuffix(schema, "}") + ", default: " + value + "}"
			}
			fmt.Fprintf(&b, "                %s: %s\n", name, schema)
			if rapid.Bool().Draw(t, "needs "+name) {
				required = append(required, name)
			}
		}
		if len(required) > 0 {
			fmt.Fprintf(&b, "              required: [%s]\n", strings.Join(required, ", "))
		}
		if text := oddly("object", "minProperties: 2", "maxProperties: 1", "anyOf: [{required: [F]}, {required: [G]}]"); text != "" {
			b.WriteString("              " + text + "\n")
		}
		if text := oddly("encoding", "{F: {contentType: application/json}}", "{G: {explode: false}}"); text != "" {
			b.WriteString("            encoding: " + text + "\n")
		}
	}
	b.WriteString("      responses: {'200': {description: OK}}\n")
	return b.String(), near, isOdd
}

func samePlainVerdict(t *rapid.T) {
	document, near, isOdd := drawnDocument(t)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(document))
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	operations, err := openapi.Operations(doc)
	if err != nil {
		// A rule that nothing can keep.
		t.Skip(err)
	}
	op := operations[0]
	plain := plainOf(doc, op)
	if plain == nil {
		if !isOdd {
			t.Fatalf("the operation is not plain:\n%s", document)
		}
		// It is left to openapi3filter.
		return
	}
	var body []string
	for _, name := range []string{"F", "G", "H", "X"} {
		if rapid.Bool().Draw(t, "send "+name) {
			value := "x"
			if texts := near[name]; texts != nil {
				value = rapid.SampledFrom(texts).Draw(t, "value "+name)
			}
			body = append(body, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
	}
	text := strings.Join(body, "&")
	if op.FormSchema == nil {
		text = ""
	}
	p, q := rapid.SampledFrom(near["p"]).Draw(t, "p"), rapid.SampledFrom(near["q"]).Draw(t, "q")
	if own, whole := judged(doc, op, plain, p, q, text), judged(doc, op, nil, p, q, text); own != whole {
		t.Fatalf("it is judged %q instead of %q: p %q, q %q, body %q\n%s", own, whole, p, q, text, document)
	}
}

// judged says what becomes of a request: by plain, or where it is nil by openapi3filter.
func judged(doc *openapi3.T, op openapi.Operation, plain *plainRequests, p, q, body string) string {
	s := &Server{contract: &contract{doc: doc}, config: Config{MaxBody: DefaultMaxBody}}
	r := httptest.NewRequest(http.MethodPost, "/a/x/b/y", strings.NewReader(body))
	r.Header.Set("Content-Type", openapi.FormType)
	c := echo.New().NewContext(r.WithContext(&call{Context: r.Context()}), httptest.NewRecorder())
	c.SetParamNames("p", "q")
	c.SetParamValues(p, q)
	valid := func(echo.Context) error { return nil }
	err := s.readForm(op, plain)(s.validate(op, plain)(valid))(c)
	if refused, ok := errors.AsType[*Error](err); ok {
		return fmt.Sprintf("%d %s", refused.Code, refused.Note)
	}
	return fmt.Sprint(err)
}
