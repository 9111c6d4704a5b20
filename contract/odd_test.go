package contract_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/thin"
)

// Whatever a document leaves out, cases are made of the rest, a run and a proxy end, and nothing panics. A length that no machine has
// room for is left out.
func TestOddDocuments(t *testing.T) {
	var documents map[string]string
	if err := yaml.Unmarshal(mustRead(t, "testdata/odd.yaml"), &documents); err != nil {
		t.Fatal(err)
	}
	lines := "openapi: 3.0.3\ninfo:\n  title: a\n  version: 1.0\npaths:\n  /a:\n    get:\n      responses:\n        '200':\n          description: a\n"
	documents["ends of lines of old"] = strings.ReplaceAll(lines, "\n", "\r")
	documents["separators of lines in a text"] = strings.Replace(lines, "title: a", "title: \"a"+strings.Repeat("\u2028b", 12)+"\"", 1)
	names := slices.Sorted(maps.Keys(documents))
	for i := 0; i < len(names); i += thin.Step {
		t.Run(names[i], func(t *testing.T) {
			t.Parallel()
			given := contract.WithDocument("d.yaml", []byte(documents[names[i]]))
			cases, err := contract.Cases(given, contract.WithAccount("user", "password"))
			if err != nil {
				// It is refused.
				return
			}
			for _, c := range cases {
				if strings.HasPrefix(c.Skip, "no case could be made") {
					t.Errorf("%s: %s", c.Name, c.Skip)
				}
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"id":"a"}`)
			}))
			defer server.Close()
			if _, err := contract.Run(t.Context(), server.URL, given, contract.WithAccount("user", "password"), contract.WithMaxCases(40)); err != nil {
				t.Error(err)
			}
			proxy, err := contract.Proxy(server.URL, func(contract.Finding) {}, given)
			if err != nil {
				t.Fatal(err)
			}
			for _, mediaType := range []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					r := httptest.NewRequest(method, "/a?a=1&q=2&f[0]=1", strings.NewReader("a=1"))
					r.Header.Set("Content-Type", mediaType)
					proxy.ServeHTTP(httptest.NewRecorder(), r)
				}
			}
		})
	}
}
