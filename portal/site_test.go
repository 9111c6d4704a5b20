package portal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/nudgehq/nudge/portal"
)

// crawl follows all links of a site from its first page, and lists those that lead nowhere and the pages that it saw.
func crawl(t *testing.T, first string) (broken, seen []string) {
	t.Helper()
	places := map[string]map[string]bool{}
	load := func(address string) (ids map[string]bool, links []string) {
		response, err := http.Get(address) //nolint:noctx // A test's own server.
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return nil, nil
		}
		ids = map[string]bool{"": true}
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			return ids, nil
		}
		root, err := html.Parse(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			for _, a := range n.Attr {
				switch a.Key {
				case "id":
					ids[a.Val] = true
				case "href", "src", "data-index", "data-markdown", "action":
					links = append(links, a.Val)
				}
			}
		}
		return ids, links
	}
	origin, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	waiting := []string{first}
	var links [][2]string
	for len(waiting) > 0 {
		at := waiting[0]
		waiting = waiting[1:]
		if _, known := places[at]; known {
			continue
		}
		ids, found := load(at)
		places[at] = ids
		seen = append(seen, at)
		for _, link := range found {
			base, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			to, err := base.Parse(link)
			if err != nil || to.Host != origin.Host {
				continue
			}
			fragment := to.Fragment
			to.Fragment, to.RawFragment = "", ""
			links = append(links, [2]string{to.String(), fragment})
			waiting = append(waiting, to.String())
		}
	}
	for _, link := range links {
		if !places[link[0]][link[1]] {
			broken = append(broken, link[0]+"#"+link[1])
		}
	}
	slices.Sort(broken)
	return slices.Compact(broken), seen
}

func TestEveryLinkOfManyOperations(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	p, err := portal.New(portal.Config{Document: manyOperations(t), AnyAPI: true, Path: "/docs", PublicURL: "http://" + s.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/docs/mcp" {
			handler.ServeHTTP(w, r)
		}
	})
	s.Start()
	t.Cleanup(s.Close)
	broken, seen := crawl(t, s.URL+"/docs")
	if len(broken) > 0 || len(seen) < 25 {
		t.Errorf("%d pages, links that lead nowhere: %q", len(seen), broken)
	}
}

// A static site works from any path of any file server.
func TestStaticSite(t *testing.T) {
	for name, document := range map[string][]byte{"many operations": manyOperations(t), "its own": document} {
		folder := t.TempDir()
		p, err := portal.New(portal.Config{Document: document, AnyAPI: true, Static: true, Path: "/docs", PublicURL: portal.Nowhere})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Export(filepath.Join(folder, "some", "where")); err != nil {
			t.Fatal(err)
		}
		s := httptest.NewServer(http.FileServer(http.Dir(folder)))
		t.Cleanup(s.Close)
		broken, seen := crawl(t, s.URL+"/some/where/index.html")
		if len(broken) > 0 || len(seen) < 8 {
			t.Errorf("%s: %d files, links that lead nowhere: %q", name, len(seen), broken)
		}
		markdown, err := os.ReadFile(filepath.Join(folder, "some", "where", "llms.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(string(markdown), -1) {
			if _, err := os.Stat(filepath.Join(folder, "some", "where", link[1])); err != nil {
				t.Errorf("%s: llms.txt: %v", name, err)
			}
		}
		if strings.Contains(string(markdown), "mcp") || strings.Contains(string(markdown), "static.invalid") {
			t.Errorf("%s: llms.txt: %s", name, markdown)
		}
	}
}
