package portal_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/portal"
)

// oneOperation is a document of POST /a with what is given of it.
func oneOperation(t *testing.T, top, operation string) *portal.Portal {
	t.Helper()
	text := "{openapi: 3.0.3, info: {title: One, version: '1'}, " + top + "paths: {/a: {post: {operationId: a, " + operation + "responses: {'200': {description: OK}}}}}}"
	p, err := portal.New(portal.Config{Document: []byte(text), AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The samples send what the document asks for, to where it says.
func TestSamplesOfAnyAPI(t *testing.T) {
	scheme := func(definition, security string) string {
		return "servers: [{url: 'https://e.example'}], components: {securitySchemes: " + definition + "}, security: " + security + ", "
	}
	body := func(media string) string { return "requestBody: {content: {" + media + "}}, " }
	for name, c := range map[string]struct {
		top, operation string
		want           []string
	}{
		"no server":         {want: []string{"curl -X POST https://api.example.com/a"}},
		"a relative server": {top: "servers: [{url: /v1}], ", want: []string{"https://api.example.com/v1/a"}},
		"variables":         {top: "servers: [{url: 'https://{h}.e.example/{v}', variables: {h: {default: eu}, v: {default: v2}}}], ", want: []string{"https://eu.e.example/v2/a"}},
		"its own server":    {top: "servers: [{url: 'https://e.example'}], ", operation: "servers: [{url: 'https://own.example/'}], ", want: []string{"https://own.example/a"}},
		"capitals":          {top: scheme("{s: {type: http, scheme: Bearer}}", "[{s: []}]"), want: []string{`"Authorization: Bearer $TOKEN"`}},
		"a key in a header": {top: scheme("{s: {type: apiKey, in: header, name: X-K}}", "[{s: []}]"), want: []string{`-H 'X-K: '"$API_KEY"`, `"X-K": os.environ["API_KEY"]`}},
		"keys elsewhere":    {top: scheme("{q: {type: apiKey, in: query, name: k}, c: {type: apiKey, in: cookie, name: sid}}", "[{q: [], c: []}]"), want: []string{"/a?k=API_KEY", "Cookie: sid=API_KEY"}},
		"an array":          {operation: "parameters: [{name: t, in: query, required: true, schema: {type: array, items: {type: string}}, example: [x, y]}], ", want: []string{"?t=x&t=y"}},
		"an object":         {operation: "parameters: [{name: d, in: query, required: true, style: deepObject, schema: {type: object}, example: {z: 1}}], ", want: []string{"d%5Bz%5D=1"}},
		"a cookie":          {operation: "parameters: [{name: c, in: cookie, required: true, schema: {type: string}, example: v}], ", want: []string{"Cookie: c=v"}},
		"a form of arrays":  {operation: body("application/x-www-form-urlencoded: {schema: {type: object, required: [f], properties: {f: {type: array, items: {type: string}}}}, example: {f: [x, y]}}"), want: []string{"--data-urlencode f=x", "--data-urlencode f=y", `"f": ["x", "y"]`}},
		"JSON after others": {operation: body("multipart/form-data: {schema: {type: object}}, application/json: {schema: {type: object, required: [n], properties: {n: {type: integer, enum: [7]}}}}"), want: []string{`{"n":7}`, "Content-Type: application/json"}},
	} {
		markdown := oneOperation(t, c.top, c.operation).Page("/docs").Markdown()
		for _, want := range c.want {
			if !strings.Contains(markdown, want) {
				t.Errorf("%s: the samples lack %s", name, want)
			}
		}
		if strings.Contains(markdown, "127.0.0.1:8080/a") {
			t.Errorf("%s: the samples call the documentation", name)
		}
	}
}

// What an API calls its operations and tags leads nowhere else.
func TestOddNames(t *testing.T) {
	for _, id := range []string{".", "..", "a.md", "a/b", "main", "q", "servers", "ü ?#"} {
		p, err := portal.New(portal.Config{Document: fmt.Appendf(nil, "{openapi: 3.0.3, info: {title: Odd, version: '1', license: {name: L, url: 'javascript:alert(1)'}}, security: [{nope: []}], paths: {/a: {get: {operationId: %q, responses: {'200': {description: OK}}}}}}", id), AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080"})
		if err != nil {
			t.Fatal(err)
		}
		own := p.Pages()[1]
		if found := p.Page(own.Path); found != own {
			t.Errorf("%q: %s leads to %v", id, own.Path, found)
		}
		if strings.HasSuffix(own.Path, "/.") || strings.HasSuffix(own.Path, "/..") || strings.HasSuffix(own.Path, ".md") {
			t.Errorf("%q: the path is %s", id, own.Path)
		}
		got := page(t, p, own.Path)
		for _, wrong := range []string{"javascript:", "#scheme-nope", "ZgotmplZ"} {
			if strings.Contains(got, wrong) {
				t.Errorf("%q: the page has %s", id, wrong)
			}
		}
		for _, layout := range []string{"main", "q", "servers"} {
			if strings.Count(got, `id="`+layout+`"`) > 1 {
				t.Errorf("%q: %s stands twice", id, layout)
			}
		}
		if hits := p.Search("errors", ""); len(hits) > 0 {
			t.Errorf("search finds %v, which is not there", hits)
		}
	}
}

// A path item that stands elsewhere is found for AI tools too.
func TestSourceOfAnOperationElsewhere(t *testing.T) {
	document := "{openapi: 3.1.0, info: {title: T, version: '1'}, paths: {/a: {$ref: '#/components/pathItems/P'}}, components: {pathItems: {P: {get: {operationId: there, responses: {'200': {description: OK}}}}}}}"
	p, err := portal.New(portal.Config{Document: []byte(document), AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := p.OperationSource("there"); !ok || !strings.Contains(text, "operationId: there") {
		t.Errorf("%q, %v", text, ok)
	}
}

// The Go samples are programs.
func TestGoSamplesOfAnyAPICompile(t *testing.T) {
	for name, operation := range map[string]string{
		"nothing": "", "a form": "requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object, properties: {f: {type: string}}}, example: {f: x}}}}, ",
		"JSON": "requestBody: {content: {application/json: {schema: {type: object}}}}, ",
	} {
		for _, top := range []string{"", "components: {securitySchemes: {s: {type: http, scheme: basic}}}, security: [{s: []}], "} {
			for _, s := range oneOperation(t, top, operation).Reference().Operations[0].Samples {
				if s.Language != "go" {
					continue
				}
				file := filepath.Join(t.TempDir(), "main.go")
				if err := os.WriteFile(file, []byte(s.Code), 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
					t.Errorf("%s: %s\n%s", name, out, s.Code)
				}
			}
		}
	}
}
