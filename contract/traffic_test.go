package contract_test

import (
	_ "embed"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/contract"
)

//go:embed testdata/traffic.yaml
var traffic []byte

// callers is a proxy of testdata/traffic.yaml before a server.
type callers struct {
	url   string
	mu    sync.Mutex
	found []string
}

func proxyOf(t *testing.T, server http.HandlerFunc, options ...contract.Option) *callers {
	t.Helper()
	to := httptest.NewServer(server)
	t.Cleanup(to.Close)
	c := &callers{}
	handler, err := contract.Proxy(to.URL, func(f contract.Finding) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.found = append(c.found, f.By+": "+f.Message)
	}, append(options, contract.WithDocument("traffic.yaml", traffic))...)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(handler)
	t.Cleanup(proxy.Close)
	c.url = proxy.URL
	return c
}

// send sends a request whose headers are lines, and gives what was found.
func (c *callers) send(t *testing.T, method, path, headers, body string) []string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(headers, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			r.Header.Set(name, value)
		}
	}
	// An answer that is cut off is read as far as it comes.
	if response, err := http.DefaultTransport.RoundTrip(r); err == nil {
		_, _ = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.found
	c.found = nil
	return found
}

// What other people's clients send is read as its style says, and judged by its schema.
func TestProxyReadsStyles(t *testing.T) {
	const (
		form      = "Content-Type: application/x-www-form-urlencoded"
		json      = "Content-Type: application/json"
		multipart = "Content-Type: multipart/form-data; boundary=b"
	)
	c := proxyOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Status") == "400" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	for _, test := range []struct{ name, method, path, header, body, says string }{
		{name: "below the path of the document's server", method: "GET", path: "/v1/things"},
		{name: "a name with brackets", method: "GET", path: "/things?ids[]=1&ids[]=2"},
		{name: "an item of it", method: "GET", path: "/things?ids[]=x", says: `the query parameter ids[][0] is the string "x", and must be integer`},
		{name: "a number in brackets", method: "GET", path: "/things?page[number]=2"},
		{name: "deepObject", method: "GET", path: "/things?filter[n]=1"},
		{name: "a field of it", method: "GET", path: "/things?filter[n]=x", says: `the query parameter filter: n is the string "x", and must be integer`},
		{name: "an undeclared field of it", method: "GET", path: "/things?filter[n]=1&filter[z]=1", says: `the query parameter filter has the field "z", which is not declared`},
		{name: "a flag without a value", method: "GET", path: "/things?flag"},
		{name: "a delimited list", method: "GET", path: "/things?tags=a,b"},
		{name: "a long one", method: "GET", path: "/things?tags=a,b,a", says: "the query parameter tags has 3 items"},
		{name: "a wrong item of one", method: "GET", path: "/things?pip=1|x", says: `the query parameter pip[1] is the string "x", and must be integer`},
		{name: "the second of two values", method: "GET", path: "/things?n=1&n=99", says: "the query parameter n must be an integer of at most 5"},
		{name: "a parameter of JSON", method: "GET", path: "/things?j={}"},
		{name: "one that is none", method: "GET", path: "/things?j=x", says: "the query parameter j is not one JSON value"},
		{name: "an exploded object", method: "GET", path: "/things?oa=x&ob=y"},
		{name: "a name of control characters", method: "GET", path: "/things?a%0A=1"},
		{name: "a required field that is read-only", method: "POST", path: "/things", header: json, body: `{"a":1}`},
		{name: "the media type of no body", method: "POST", path: "/things", header: json},
		{name: "a condition", method: "GET", path: "/default", header: "If-None-Match: \"a\""},
		{name: "a field that is read-only in a form", method: "POST", path: "/form", header: form, body: "name=a"},
		{name: "a list of a form", method: "POST", path: "/form", header: form, body: "name=a&l[]=1&l=1&any=1&any=2"},
		{name: "an item of it", method: "POST", path: "/form", header: form, body: "name=a&l=1&l=x", says: `l.1 is the string "x", and must be integer`},
		{name: "a nested field", method: "POST", path: "/form", header: form, body: "name=a&o[x]=zz", says: `o.x is the string "zz", and must be integer`},
		{name: "by its encoding", method: "POST", path: "/form-enc", header: form, body: "o[x]=1&c=1,2"},
		{name: "against its encoding", method: "POST", path: "/form-enc", header: form, body: "c=1,x", says: `c.1 is the string "x", and must be integer`},
		{name: "a field of a part of allOf", method: "POST", path: "/form-allof", header: form, body: "z=1", says: "the field name is missing"},
		{name: "a multipart body", method: "POST", path: "/up", header: multipart, body: "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nxx\r\n--b--\r\n", says: "the field f is missing"},
		{name: "a text", method: "POST", path: "/text", header: "Content-Type: text/plain", body: "abcdef", says: `the body is 6 characters long: "abcdef"`},
		{name: "lines of JSON", method: "POST", path: "/nd", header: "Content-Type: application/x-ndjson", body: "{}\n{}\n"},
		{name: "a media type with a parameter", method: "POST", path: "/params-ct", header: "Content-Type: application/json", body: "{}"},
		{name: "a key of the query", method: "GET", path: "/key?api_key=1"},
		{name: "no key", method: "GET", path: "/key", says: "the credentials are missing"},
		{name: "credentials of another kind", method: "GET", path: "/bearer", header: "Authorization: Basic YTpi", says: "the credentials are missing"},
		{name: "a cookie that is missing", method: "GET", path: "/cook?arr=1", says: "the cookie parameter sid is missing"},
		{name: "two parameters of one segment", method: "GET", path: "/files/a.txt"},
		{name: "the style label", method: "GET", path: "/label/.5"},
		{name: "the style matrix", method: "GET", path: "/matrix/;id=5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []string
			if test.says != "" {
				want = []string{"caller: " + test.says}
			}
			// Of a server that refuses it, nothing is said.
			found := slices.DeleteFunc(c.send(t, test.method, test.path, test.header+"\nX-Status: 400", test.body), func(f string) bool { return strings.HasPrefix(f, "server: ") })
			if len(found) > 1 {
				found = found[:1]
			}
			if !slices.Equal(found, want) {
				t.Errorf("found %q", found)
			}
			if found := c.send(t, test.method, test.path, test.header, test.body); test.says == "" && len(found) > 0 && test.path != "/cook" && test.path != "/default" {
				t.Errorf("of a good exchange: %q", found)
			}
		})
	}
}

// What is HTTP's own is no violation, and an answer that ends too early is one.
func TestProxyKnowsHTTP(t *testing.T) {
	for name, test := range map[string]struct {
		header string
		answer http.HandlerFunc
		says   string
	}{
		"not modified":          {header: `If-None-Match: "a"`, answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }},
		"not modified, unasked": {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, says: "server: the status 304 is not declared"},
		"a range":               {header: "Range: bytes=0-1", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPartialContent) }},
		"an undeclared status": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.WriteHeader(http.StatusTeapot)
		}, says: "server: the status 418 is not declared"},
		"a stream instead":       {answer: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-stream") }, says: "server: the media type is text/event-stream; it must be application/json"},
		"cut off":                {answer: cutAfter(6, "100"), says: "server: the answer is cut off after 6 of 100 bytes"},
		"cut off, length unsaid": {answer: cutAfter(6, ""), says: "server: the answer is cut off after 6 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c := proxyOf(t, test.answer)
			var want []string
			if test.says != "" {
				want = []string{test.says}
			}
			if found := c.send(t, "GET", "/things", test.header, ""); !slices.Equal(found, want) {
				t.Errorf("found %q", found)
			}
		})
	}
}

// cutAfter answers n bytes and closes the connection.
func cutAfter(n int, length string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if length != "" {
			w.Header().Set("Content-Length", length)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", n))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// A server sees what the caller has sent, and what is to be ignored is not judged.
func TestProxyPassesHeaders(t *testing.T) {
	seen := make(chan http.Header, 1)
	c := proxyOf(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		w.WriteHeader(http.StatusTeapot)
	}, contract.WithIgnored("/health"))
	if found := c.send(t, "GET", "/health/live", "X-Forwarded-Proto: https\nForwarded: for=192.0.2.1", ""); len(found) > 0 {
		t.Errorf("found %q", found)
	}
	header := <-seen
	if header.Get("X-Forwarded-Proto") != "https" || header.Get("Forwarded") != "for=192.0.2.1" || header.Get("X-Forwarded-For") != "" {
		t.Errorf("the server sees %v", header)
	}
}
