package portal_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/portal"
)

func TestHTTP(t *testing.T) {
	p := build(t)
	s := serve(t, p)
	types := map[string]string{
		"": "text/html", ".md": "text/markdown", "/operations/CreateNotification": "text/html", "/changelog": "text/html", "/llms.txt": "text/plain",
		"/openapi.yaml": "application/yaml", "/openapi.json": "application/json", "/mcp.json": "application/json", "/search?q=ttl": "text/html", "/search.json?q=ttl": "application/json",
		"/assets/portal.css": "text/css", "/assets/portal.js": "text/javascript", "/assets/icon.svg": "image/svg+xml",
	}
	for path, want := range types {
		t.Run("GET "+path, func(t *testing.T) {
			response, body := get(t, s.URL+portal.Base+path)
			if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), want) || body == "" {
				t.Fatalf("%d %s, %d bytes", response.StatusCode, response.Header.Get("Content-Type"), len(body))
			}
			policy := response.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
				t.Errorf("the policy is %s", policy)
			}
			etag := response.Header.Get("ETag")
			if again, _ := get(t, s.URL+portal.Base+path, "If-None-Match", etag); again.StatusCode != http.StatusNotModified || etag == "" {
				t.Errorf("with its ETag %s: %d", etag, again.StatusCode)
			}
			if path == "" {
				compressed, raw := get(t, s.URL+portal.Base, "Accept-Encoding", "gzip")
				unpacked, err := gzip.NewReader(strings.NewReader(raw))
				if err != nil || compressed.Header.Get("Content-Encoding") != "gzip" || compressed.Header.Get("ETag") != etag {
					t.Fatalf("%v, %v", compressed.Header, err)
				}
				if plain, err := io.ReadAll(unpacked); err != nil || string(plain) != body {
					t.Errorf("the compressed page is another: %v", err)
				}
				if again, _ := get(t, s.URL+portal.Base, "Accept-Encoding", "gzip", "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
					t.Errorf("compressed, with its ETag: %d", again.StatusCode)
				}
			}
		})
	}
	t.Run("the ways to AI tools and to the document", func(t *testing.T) {
		_, body := get(t, s.URL+portal.Base)
		for _, want := range []string{
			`<a class="button" href="cursor://anysphere.cursor-deeplink/mcp/install?name=nudge&amp;config=`, ">Add to Cursor<", `<a class="button" href="vscode:mcp/install?`, ">Add to VS Code<",
			"claude mcp add --transport http nudge " + publicURL, "&#34;mcpServers&#34;", "<code>mcp.json</code>", portal.Base + "/openapi.yaml", portal.Base + "/openapi.json", portal.Base + "/llms.txt",
			`data-example="createWithTtl"`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %s", want)
			}
		}
	})
	t.Run("nothing of another host is used", func(t *testing.T) {
		_, body := get(t, s.URL+portal.Base)
		for _, reference := range regexp.MustCompile(`<(?:script|link|img|iframe|source)[^>]*(?:src|href)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if !strings.HasPrefix(reference[1], portal.Base) && !strings.HasPrefix(reference[1], "/devices/") {
				t.Errorf("the page uses %s", reference[1])
			}
		}
		if strings.Contains(body, "style=") || regexp.MustCompile(`<script>|\son[a-z]+=`).MatchString(body) {
			t.Error("the page has a style or a script inline, which its policy refuses")
		}
	})
	t.Run("an address that is none", func(t *testing.T) {
		if response, _ := get(t, s.URL+portal.Base+"/nothing"); response.StatusCode != 404 {
			t.Errorf("%d", response.StatusCode)
		}
	})
	t.Run("an address that is none, in a browser", func(t *testing.T) {
		response, body := get(t, s.URL+portal.Base+"/nothing", "Accept", "text/html")
		if response.StatusCode != 404 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || !strings.Contains(body, `href="`+portal.Base+`"`) {
			t.Errorf("%d %s", response.StatusCode, body)
		}
	})
	t.Run("an address that leads elsewhere", func(t *testing.T) {
		if response, _ := get(t, s.URL+portal.Base+"/..%2f../"); response.StatusCode != 404 {
			t.Errorf("%d to %s", response.StatusCode, response.Header.Get("Location"))
		}
	})
	t.Run("a slash at the end", func(t *testing.T) {
		if response, _ := get(t, s.URL+portal.Base+"/"); response.StatusCode != 308 || response.Header.Get("Location") != portal.Base {
			t.Errorf("%d to %s", response.StatusCode, response.Header.Get("Location"))
		}
	})
	t.Run("a method that only writes", func(t *testing.T) {
		response, err := http.Post(s.URL+portal.Base, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != 405 || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%d, Allow %q", response.StatusCode, response.Header.Get("Allow"))
		}
	})
	t.Run("a query that is markup", func(t *testing.T) {
		_, body := get(t, s.URL+portal.Base+"/search?q=%3Cscript%3Ealert(1)%3C/script%3E")
		if strings.Contains(body, "<script>alert") {
			t.Error("the query is not escaped")
		}
	})
	t.Run("a long query", func(t *testing.T) {
		if _, body := get(t, s.URL+portal.Base+"/search?q="+strings.Repeat("x", 100_000)); len(body) > 10_000 {
			t.Errorf("it is answered with %d bytes", len(body))
		}
	})
}

func TestBrowsersAreLedToTheDocumentation(t *testing.T) {
	documentation, err := build(t).Handler()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	s := httptest.NewServer(portal.Mount(documentation, elsewhere))
	t.Cleanup(s.Close)
	for _, c := range []struct {
		path, accept string
		status       int
	}{
		{"/", "text/html,*/*", http.StatusOK}, {"/doc", "text/html", http.StatusOK}, {"/docs", "text/html", http.StatusOK},
		{"/", "application/json", http.StatusNotFound}, {"/", "*/*", http.StatusNotFound}, {"/other", "text/html", http.StatusNotFound},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", c.accept)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.status || c.status == http.StatusOK && response.Request.URL.Path != portal.Base {
			t.Errorf("%s of %s: %d at %s", c.path, c.accept, response.StatusCode, response.Request.URL.Path)
		}
	}
}
