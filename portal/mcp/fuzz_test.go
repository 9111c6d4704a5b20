package mcp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzMCP posts arbitrary bodies: each is answered, and none makes the server fail.
func FuzzMCP(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "null", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"ttl"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_pages","arguments":{"urls":[1]}}}`, `{"jsonrpc":"2.0","method":"x"}`, `{"jsonrpc":"2.0","id":{},"method":1}`, strings.Repeat("[", 1000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/doc/verify_v2/mcp", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		w := httptest.NewRecorder()
		build(t).Handler().ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%q is answered %d %s", body, w.Code, w.Body)
		}
	})
}
