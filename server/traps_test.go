package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/servertest"
)

// Each test here is for a trap of the generated code, the validator or the router, and fails without its mend.

func document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi.Load(nudge.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// lockedBuffer is a log that several requests write and a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The generated strict handler binds FormParams, which merges the query string; the validator sees only the body.
func TestQueryStringIsNoForm(t *testing.T) {
	s := servertest.New(t)
	for name, c := range map[string]struct {
		request request
		ttl     int
	}{
		"out of range without a body":      {request: request{path: operationPath + "?Ttl=999", noContentType: true}, ttl: documented.DefaultTTL},
		"out of range with an empty form":  {request: request{path: operationPath + "?Ttl=999"}, ttl: documented.DefaultTTL},
		"not a number":                     {request: request{path: operationPath + "?Ttl=abc"}, ttl: documented.DefaultTTL},
		"in range":                         {request: request{path: operationPath + "?Ttl=5"}, ttl: documented.DefaultTTL},
		"beside a body":                    {request: request{path: operationPath + "?Ttl=5", body: "Ttl=150"}, ttl: 150},
		"unknown beside a body":            {request: request{path: operationPath + "?Priority=low", body: "Ttl=150"}, ttl: 150},
		"a query that cannot be parsed":    {request: request{path: operationPath + "?Ttl=%zz;", body: "Ttl=150"}, ttl: 150},
		"repeated in the query only":       {request: request{path: operationPath + "?Ttl=1&Ttl=2"}, ttl: documented.DefaultTTL},
		"under the multipart type's shape": {request: request{path: operationPath + "?Ttl=999", body: "Ttl=0"}, ttl: 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, s, c.request)
			last := s.Notifications()
			if a.status != http.StatusCreated || a.result.Ttl != c.ttl || last[len(last)-1].TTL.Seconds() != float64(c.ttl) {
				t.Errorf("got %d %s, want a ttl of %d", a.status, a.body, c.ttl)
			}
		})
	}
}

// Under a 3.1 document the validator recompiles each schema for each value and is 20 times slower.
func TestDocumentIsVersion303(t *testing.T) {
	if doc := document(t); doc.OpenAPI != "3.0.3" {
		t.Errorf("openapi.yaml says %s; it must stay 3.0.3 for the validator's speed", doc.OpenAPI)
	}
}

// echo-middleware answers every request 404 while the document has servers; this server must not mind them.
func TestServersOfTheDocumentDoNotMatter(t *testing.T) {
	if len(document(t).Servers) == 0 {
		t.Fatal("openapi.yaml has no servers; the client needs one")
	}
	if a := send(t, servertest.New(t), request{}); a.status != http.StatusCreated {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// The validator's messages hold the whole schema and the whole value.
func TestAnswersRepeatNothingUnbounded(t *testing.T) {
	s := servertest.New(t, func(c *server.Config) { c.MaxBody = 1 << 20 })
	long := strings.Repeat("A", 100_000)
	for name, r := range map[string]request{
		"identity":      {path: path(serviceSID, long, challengeSID)},
		"service":       {path: path(long, identity, challengeSID)},
		"Ttl":           {body: "Ttl=" + long},
		"unknown field": {body: long + "=1"},
		"unknown path":  {path: "/" + long},
		"media type":    {body: "Ttl=1", contentType: "text/" + long},
		"credentials":   {user: long, password: long},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, s, r)
			if a.status < 400 || a.status >= 500 || len(a.body) > 1000 {
				t.Errorf("got %d with a body of %d bytes", a.status, len(a.body))
			}
			if strings.Contains(a.body, strings.Repeat("A", 300)) {
				t.Error("the answer repeats the value")
			}
		})
	}
}

// A path parameter is unescaped only where the URL keeps an escaped path; doing it always lets abc%2541 through as abcA.
func TestPathParametersAreUnescapedOnce(t *testing.T) {
	s := servertest.New(t)
	for name, c := range map[string]struct {
		identity string
		status   int
		seen     string
	}{
		"escaped twice":                    {identity: "abcdefg%2541", status: 400, seen: ""},
		"escaped twice, with escaped path": {identity: "%61bcdefg%2541", status: 400, seen: ""},
		"escaped once":                     {identity: "abcdefg%41", status: 201, seen: "abcdefgA"},
		"escaped slash":                    {identity: "abcdefg%2F1", status: 400, seen: ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, s, request{path: path(serviceSID, c.identity, challengeSID)})
			if a.status != c.status || c.status == 201 && *a.result.Identity != c.seen {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, c.status, c.seen)
			}
		})
	}
}

// A body that ends early is the caller's error, not the server's. It takes a raw connection to send one.
func TestIncompleteBody(t *testing.T) {
	s := servertest.New(t)
	answer := raw(t, s, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: 10\r\n\r\nTtl=1",
		operationPath, basic(s), formType))
	if answer.StatusCode != 400 {
		t.Errorf("got %d", answer.StatusCode)
	}
}

// A length that is only claimed takes no memory.
func TestClaimedLength(t *testing.T) {
	s := servertest.New(t, func(c *server.Config) { c.MaxBody = 1 << 62 })
	answer := raw(t, s, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: 1000000000000\r\n\r\nTtl=1",
		operationPath, basic(s), formType))
	if answer.StatusCode != 400 {
		t.Errorf("got %d", answer.StatusCode)
	}
}

// A body of unknown length is bounded too.
func TestChunkedOversize(t *testing.T) {
	s := servertest.New(t)
	chunk := strings.Repeat("x", 0x4000)
	answer := raw(t, s, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n%s\r\n4000\r\n%s\r\n0\r\n\r\n",
		operationPath, basic(s), formType, chunk, chunk))
	if answer.StatusCode != 413 {
		t.Errorf("got %d", answer.StatusCode)
	}
}

// net/http answers what is not valid HTTP by itself, in plain text; the error shape holds there too.
func TestInvalidHTTP(t *testing.T) {
	s := servertest.New(t)
	judge, err := conform.New(nudge.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"malformed escape in the path": "POST /v2/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"no Host":                      "POST / HTTP/1.1\r\n\r\n",
		"not HTTP":                     "hello\r\n\r\n",
		"a NUL in a header":            "POST / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
		"two lengths":                  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"an unknown encoding":          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: magic\r\n\r\n",
		"an unknown expectation":       "POST / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n",
		"headers of more than 1 MB":    "POST / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 1<<20+1<<16) + "\r\n\r\n",
		"HTTP 1.0, an expectation":     "POST / HTTP/1.0\r\nExpect: magic\r\n\r\n",
		"HTTP 3.0":                     "POST / HTTP/3.0\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answer := raw(t, s, text)
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != 400 || !strings.Contains(string(body), `"code":20001`) {
				t.Errorf("got %d %s", answer.StatusCode, body)
			}
			request := &http.Request{Method: "POST", URL: &url.URL{Path: "/"}}
			if err := judge.Check(request, answer.StatusCode, answer.Header, body); err != nil {
				t.Error(err)
			}
		})
	}
}

func basic(s *servertest.Server) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(s.AccountSID, s.AuthToken)
	return r.Header.Get("Authorization")
}

// raw sends bytes, closes its side and reads the answer.
func raw(t *testing.T, s *servertest.Server, text string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		// The server may answer, and close, before it has read everything.
		_, _ = conn.Write([]byte(text))
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// Generated code may dot-import; hand-written code may not, so that a name tells where it comes from.
func TestGeneratedTypesHaveOneHome(t *testing.T) {
	data, err := os.ReadFile("oapi.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "type Notification struct") {
		t.Error("server/oapi.gen.go repeats the types of package api")
	}
}
