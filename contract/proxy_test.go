package contract_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/mutant"
)

var (
	examplePath = documented.Path
	tooLong     = fmt.Sprint("Ttl=", documented.MaxTTL+1)
	ttlRule     = "the field Ttl must be " + documented.TTLRule
)

// through sends a request through a proxy to a server and returns the answer and what was found.
func through(t *testing.T, server http.Handler, method, path, body string, header ...string) (status int, answer string, found []string) {
	t.Helper()
	to := httptest.NewServer(server)
	defer to.Close()
	var mu sync.Mutex
	handler, err := contract.Proxy(to.URL, func(f contract.Finding) {
		mu.Lock()
		defer mu.Unlock()
		found = append(found, f.By+": "+f.Message)
	})
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(handler)
	defer proxy.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, proxy.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(mutant.Username, mutant.Password)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return response.StatusCode, string(text), found
}

func TestProxyJudgesBothDirections(t *testing.T) {
	for name, c := range map[string]struct {
		defect, method, path, body string
		header                     []string
		status                     int
		found                      []string
	}{
		"nothing is wrong":            {defect: "", method: "POST", path: examplePath, body: "Ttl=150", header: nil, status: 201, found: nil},
		"the caller sends too much":   {defect: "", method: "POST", path: examplePath, body: tooLong, header: nil, status: 400, found: []string{"caller: " + ttlRule}},
		"the server accepts too much": {defect: "accepts a Ttl above its maximum", method: "POST", path: examplePath, body: tooLong, header: nil, status: 201, found: []string{"caller: " + ttlRule, "server: the server accepts what the document refuses: " + ttlRule}},
		"an unknown field":            {defect: "", method: "POST", path: examplePath, body: "ttl=1", header: nil, status: 400, found: []string{`caller: the form has the field "ttl", which is not declared`}},
		"another media type":          {defect: "", method: "POST", path: examplePath, body: "{}", header: []string{"Content-Type", "application/json"}, status: 415, found: []string{"caller: the media type must be application/x-www-form-urlencoded"}},
		"another path":                {defect: "", method: "POST", path: "/v2/Nothing", header: nil, status: 404, found: []string{"caller: the document has no such operation"}},
		"no credentials":              {defect: "", method: "POST", path: examplePath, header: []string{"Authorization", ""}, status: 401, found: []string{"caller: the credentials are missing"}},
		"the Ttl in the query":        {defect: "", method: "POST", path: examplePath + "?Ttl=4", header: nil, status: 201, found: []string{"caller: Ttl stands in the query, and is a field of the body"}},
		"an unknown parameter":        {defect: "", method: "POST", path: examplePath + "?x=4", header: nil, status: 201, found: []string{`caller: the query has the parameter "x", which is not declared`}},
		"another method":              {defect: "", method: "GET", path: examplePath, header: nil, status: 405, found: []string{"caller: the document has no such operation"}},
		"another ttl":                 {defect: "always answers ttl 150", method: "POST", path: examplePath, body: "Ttl=10", header: nil, status: 201, found: []string{`server: ttl is "150", and the request's Ttl is "10"`}},
		"a field too many":            {defect: "answers a field that is not declared", method: "POST", path: examplePath, header: nil, status: 201, found: []string{`server: the body has the field "url", which is not declared`}},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer, found := through(t, mutant.New(c.defect), c.method, c.path, c.body, c.header...)
			if status != c.status || !slices.Equal(found, c.found) {
				t.Errorf("%d %s\nfound %q\nwant  %q", status, answer, found, c.found)
			}
		})
	}
}

// A server that does not answer is a finding, and its caller gets a 502.
func TestProxyOfNobody(t *testing.T) {
	var found []string
	handler, err := contract.Proxy("http://127.0.0.1:1", func(f contract.Finding) { found = append(found, f.By+": "+f.Message) })
	if err != nil {
		t.Fatal(err)
	}
	recorded := httptest.NewRecorder()
	handler.ServeHTTP(recorded, httptest.NewRequest(http.MethodPost, examplePath, http.NoBody))
	if recorded.Code != http.StatusBadGateway || len(found) != 1 || !strings.HasPrefix(found[0], "server: there is no answer") {
		t.Errorf("%d, %q", recorded.Code, found)
	}
}

// An answer that is compressed for its caller is judged as what it says.
func TestProxyReadsCompressedAnswers(t *testing.T) {
	for defect, want := range map[string]int{"": 0, "always answers ttl 150": 1} {
		compressed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			plain := httptest.NewRecorder()
			mutant.New(defect).ServeHTTP(plain, r)
			maps.Copy(w.Header(), plain.Header())
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(plain.Code)
			body := gzip.NewWriter(w)
			_, _ = body.Write(plain.Body.Bytes())
			_ = body.Close()
		})
		if _, _, found := through(t, compressed, "POST", examplePath, "Ttl=10"); len(found) != want {
			t.Errorf("%q: %q", defect, found)
		}
	}
}

// What a caller sends, and what the server answers, arrive as they are.
func TestProxyChangesNothing(t *testing.T) {
	large := strings.Repeat("x", 3<<20)
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %d", r.URL.EscapedPath(), r.URL.RawQuery, len(body))
	})
	for _, path := range []string{"/a%2Fb?x=1;y&&z=%zz", examplePath + "?Ttl=%20"} {
		want, query, _ := strings.Cut(path, "?")
		if _, answer, _ := through(t, echo, "POST", path, large); answer != fmt.Sprintf("%s %s %d", want, query, len(large)) {
			t.Errorf("%s arrives as %.100s", path, answer)
		}
	}
}

// Events of a stream pass as they come.
func TestProxyHoldsNoStreamBack(t *testing.T) {
	more := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n")
		_ = http.NewResponseController(w).Flush()
		<-more
	}))
	defer server.Close()
	handler, err := contract.Proxy(server.URL, func(contract.Finding) {})
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(handler)
	defer proxy.Close()
	defer close(more)
	// On a path that the document does not have, and on its own.
	for _, path := range []string{"/events", examplePath} {
		response, err := http.Post(proxy.URL+path, "application/x-www-form-urlencoded", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if line, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil || line != "data: 1\n" {
			t.Errorf("%s: %q, %v", path, line, err)
		}
	}
}
