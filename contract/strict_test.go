package contract_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/strictserver"
	"github.com/nudgehq/nudge/internal/thin"
)

// A server that keeps a document is told nothing; whatever keyword it does not look at, and whatever it answers that its
// schema does not allow, is noticed.
func TestStrictServers(t *testing.T) {
	rows, err := strictserver.Rows()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(rows); i += thin.Step {
		row := rows[i]
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			given := contract.WithDocument("openapi.yaml", row.Document)
			if report, text := runInProcess(t, row.Right, given); report.Failed() {
				t.Errorf("the server is right, and fails:\n%s", text)
			}
			if report, text := runInProcess(t, row.Wrong, given); !report.Failed() {
				t.Errorf("the server is wrong, and passes:\n%s\n%s", text, row.Document)
			}
		})
	}
}

// Nothing is said of a server that keeps another team's document.
func TestStrictServersOfForeignDocuments(t *testing.T) {
	files, err := documents.ReadDir("testdata/documents")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += thin.Step {
		name := files[i].Name()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := mustRead(t, "testdata/documents/"+name)
			if !strings.Contains(string(data), "x-answer") {
				t.Skip("its server is another")
			}
			server, err := strictserver.New(data)
			if err != nil {
				t.Fatal(err)
			}
			if report, text := runInProcess(t, server, contract.WithDocument(name, data)); report.Failed() {
				t.Error(text)
			}
		})
	}
}

// Of a document of several files, each rule has the file that it stands in.
func TestRulesNameTheirFile(t *testing.T) {
	files := fstest.MapFS{"parts/sizes.yaml": {Data: []byte("\nSize:\n  type: integer\n  maximum: 7\n")}}
	document := []byte("openapi: 3.0.3\ninfo: {title: t, version: \"1\"}\npaths:\n  /a:\n    get:\n      parameters:\n        - {name: l, in: query, schema: {$ref: 'parts/sizes.yaml#/Size'}}\n" +
		"      responses:\n        '200':\n          description: d\n          content: {application/json: {schema: {$ref: 'parts/sizes.yaml#/Size'}}}\n        '400': {description: no}\n")
	answering := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "8")
	})
	_, text := runInProcess(t, answering, contract.WithDocument("specs/openapi.yaml", document), contract.WithFiles(files))
	for _, rule := range []string{"rule: specs/parts/sizes.yaml:4 l maximum 7\n", "rule: specs/parts/sizes.yaml:4 GET /a 200 body# maximum\n"} {
		if !strings.Contains(text, rule) {
			t.Errorf("no %q in\n%s", rule, text)
		}
	}
}

// What breaks a schema has its place in the answer, its keyword and its line in the document; a document of one line has none.
func TestViolationsHaveLines(t *testing.T) {
	const document = `openapi: 3.0.3
info: {title: lines, version: "1"}
paths:
  /things:
    get:
      responses:
        '200':
          description: ok
          x-answer: {list: [{v: 9}]}
          content:
            application/json:
              schema:
                properties:
                  list:
                    items:
                      properties:
                        v:
                          type: integer
                          maximum: 8
`
	var minified any
	if err := yaml.Unmarshal([]byte(document), &minified); err != nil {
		t.Fatal(err)
	}
	oneLine, err := json.Marshal(minified)
	if err != nil {
		t.Fatal(err)
	}
	for name, given := range map[string]struct {
		data []byte
		line int
		text string
	}{
		"lines.yaml": {data: []byte(document), line: 19, text: "rule: lines.yaml:19 GET /things 200 body#/list/[]/v maximum\n"},
		"line.json":  {data: oneLine, text: "rule: GET /things 200 body#/list/[]/v maximum\n"},
	} {
		server, err := strictserver.New(given.data)
		if err != nil {
			t.Fatal(err)
		}
		report, text := runInProcess(t, server, contract.WithDocument(name, given.data))
		if !strings.Contains(text, given.text) {
			t.Error(text)
		}
		found := false
		for _, result := range report.Results {
			for _, v := range result.Violations {
				found = found || v.Kind == "body" && v.Place == "/list/0/v" && v.Keyword == "maximum" && v.Want == "8" && v.Got == "9" && v.Line == given.line
			}
		}
		if !found {
			t.Errorf("%s: no violation has its place, keyword, values and line: %+v", name, report.Results)
		}
		known := []byte("known: [{rule: '" + name + ":1 GET /things 200 body#/list/[]/v maximum', reason: r}]")
		if report, text := runInProcess(t, server, contract.WithDocument(name, given.data), contract.WithKnown(known)); report.Failed() {
			t.Errorf("it is known with any line: %s", text)
		}
	}
}

func TestViolationsOfAStatusAreTyped(t *testing.T) {
	fails := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	wants := map[string]bool{}
	report, _ := runInProcess(t, fails)
	for _, result := range report.Results {
		for _, v := range result.Violations {
			if v.Kind == "" {
				t.Errorf("%s has no kind", v)
			}
			if v.Kind == "status" && v.Got == "500" {
				wants[v.Want] = true
			}
		}
	}
	for _, want := range []string{"2XX", "400", "401"} {
		if !wants[want] {
			t.Errorf("no violation wants %s: %v", want, wants)
		}
	}
}
