package portal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

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

// The guides lead to each other, and to places that are there.
func TestGuides(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	p := build(t, withDevices(t), func(c *portal.Config) { c.PublicURL, c.Devices = "http://"+s.Listener.Addr().String(), false })
	handler, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = handler
	s.Start()
	t.Cleanup(s.Close)
	broken, seen := crawl(t, s.URL+portal.Base)
	if len(broken) > 0 || !slices.Contains(seen, s.URL+portal.Base+"/guides/delivery") || !slices.Contains(seen, s.URL+portal.Base+"/devices/operations/AcknowledgeNotification") {
		t.Errorf("%q, links that lead nowhere: %q", seen, broken)
	}
	page := p.Page(portal.Base + "/guides/delivery")
	if page == nil || page.Title != "Delivery" {
		t.Fatalf("%v", page)
	}
	found := p.Search("webhook signature", "guide")
	if len(found) == 0 {
		t.Fatal("search finds no guide")
	}
	_, fragment, _ := strings.Cut(found[0].Path, "#")
	if text, err := p.Brief(p.Page(found[0].Path), fragment); err != nil || !strings.HasPrefix(text, "#") {
		t.Errorf("%s: %q, %v", found[0].Path, text, err)
	}
	for _, page := range p.Pages() {
		if strings.Contains(page.Path, "/guides/") && strings.Contains(page.Markdown(), "](../") {
			t.Errorf("%s has links to files beside it", page.Path)
		}
	}
}

// withDevices has the reference of the device endpoints beside.
func withDevices(t *testing.T) func(*portal.Config) {
	t.Helper()
	document, err := os.ReadFile("../server/device/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return func(c *portal.Config) {
		c.Beside = []portal.Beside{{Document: document, Path: "/devices", Source: "../server/device/openapi.yaml"}}
	}
}

// A further document of the server has a reference of its own; the search and the tools know both.
func TestBeside(t *testing.T) {
	p := build(t, withDevices(t))
	first := page(t, p, portal.Base+"/devices")
	for _, want := range []string{"Stream the notifications of a device", `action="` + portal.Base + `/search"`, `href="` + portal.Base + `">`, publicURL + "/devices/v1/Services/"} {
		if !strings.Contains(first, want) {
			t.Errorf("the reference lacks %s", want)
		}
	}
	if main := page(t, p, portal.Base); !strings.Contains(main, `href="`+portal.Base+`/devices"`) {
		t.Error("the first page does not lead to the reference")
	}
	if guide := page(t, p, portal.Base+"/guides/delivery"); !strings.Contains(guide, `href="`+portal.Base+`/devices"`) {
		t.Error("the guide does not lead to the reference")
	}
	if hits := p.Search("AcknowledgeNotification", "operation"); len(hits) == 0 || !strings.HasPrefix(hits[0].Path, portal.Base+"/devices#") {
		t.Errorf("the search finds %v", hits)
	}
	of := p.Page(publicURL + portal.Base + "/devices/operations/AcknowledgeNotification.md")
	if of == nil || of.Parent != portal.Base+"/devices" {
		t.Fatalf("%v", of)
	}
	if text, err := p.Brief(of, ""); err != nil || !strings.Contains(text, "NotificationSid") {
		t.Errorf("%s, %v", text, err)
	}
	if text, ok := p.OperationSource("AcknowledgeNotification"); !ok || !strings.Contains(text, "/ack") {
		t.Error(text)
	}
	for name, want := range map[string]string{"Subscription": "Subscription:", "devices/Error": "Error:", "Error": "another one: devices/Error"} {
		if text, ok := p.SchemaSource(name); !ok || !strings.Contains(text, want) {
			t.Errorf("%s is %s", name, text)
		}
	}
	if names := p.Schemas(); !slices.Contains(names, "devices/Subscription") || !slices.Contains(names, "Error") {
		t.Error(names)
	}
}

// Diagrams stand in the page, and whatever else an image may bring does not. README.md says the order.
func TestDiagramsAndOrder(t *testing.T) {
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">%s<title>T &lt;i&gt;</title><path d="M0 0"/></svg>`
	guides := fstest.MapFS{
		"README.md": {Data: []byte("# Order\n\n[z](z.md), [a](a.md)\n")},
		"a.md":      {Data: []byte("# A\n\n![Good & \"well\"](good.svg) ![Script](script.svg) ![Style](style.svg) ![Odd](odd.svg) ![Meta](meta.svg) ![Gone](gone.svg) ![Far](https://far.example/x.svg)\n")},
		"z.md":      {Data: []byte("# Z\n\n[index](README.md)\n")},
		"m.md":      {Data: []byte("# M\n")},
	}
	for name, within := range map[string]string{"good": "", "script": "<script>alert(1)</script>", "style": "<style>a{}</style>", "meta": "<p><meta http-equiv='refresh' content='0;url=http://127.0.0.1/'/></p>", "odd": "<?x ><script>alert(2)</script>?><!-- ><script>alert(3)</script> -->"} {
		guides[name+".svg"] = &fstest.MapFile{Data: fmt.Appendf(nil, svg, within)}
	}
	p := build(t, func(c *portal.Config) { c.Guides = guides })
	var order []string
	for _, page := range p.Pages() {
		if name, ok := strings.CutPrefix(page.Path, portal.Base+"/guides/"); ok {
			order = append(order, name)
		}
	}
	if !slices.Equal(order, []string{"z", "a", "m"}) {
		t.Errorf("the guides are %v", order)
	}
	html := page(t, p, portal.Base+"/guides/a")
	if n := strings.Count(html, `<span class="diagram"`); n != 2 || !strings.Contains(html, `aria-label="Good &amp; &quot;well&quot;"`) {
		t.Errorf("%d diagrams in %s", n, html)
	}
	if strings.Contains(html, "alert(") || strings.Contains(html, "far.example") || strings.Contains(html, "<i>") {
		t.Error("an image brings what it must not")
	}
	if second := page(t, p, portal.Base+"/guides/z"); !strings.Contains(second, `<a href="`+portal.Base+`">index</a>`) {
		t.Error("the order leads nowhere")
	}
}

// A team's own guides stand beside its document.
func TestOwnGuides(t *testing.T) {
	guides := fstest.MapFS{
		"first.md":  {Data: []byte("# First steps\n\nBuy a pet: `curl`. See [the second](second.md#deep) and [a file](other.txt), [buying](../operations/buyPet), [odd](a%20b%3F%25.md), [wrong](javascript:alert(2)).\n\n```sh\necho '<b>'\n```\n\n<script>alert(1)</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")},
		"a b?%.md":  {Data: []byte("# Odd\n\n[back](first.md)\n")},
		"second.md": {Data: []byte("# Second\n\nText.\n\n## Deep\n\n##\n\n## MCP\n\nDown.\n")},
	}
	p, err := portal.New(portal.Config{Document: manyOperations(t), AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080", Guides: guides})
	if err != nil {
		t.Fatal(err)
	}
	got := page(t, p, "/docs/guides/first")
	for _, want := range []string{`href="/docs/guides/second#deep"`, `href="other.txt"`, `href="/docs/operations/buyPet"`, `href="/docs/guides/a%20b%3F%25"`, "<table>", "&lt;b&gt;", `href="#main"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the guide lacks %s", want)
		}
	}
	if strings.Contains(got, "<script>alert(1)") || strings.Contains(got, "javascript:") {
		t.Error("a script of the guide is shown")
	}
	page(t, p, "/docs/guides/a%20b%3F%25")
	if second := page(t, p, "/docs/guides/second"); !strings.Contains(second, `<h2 id="deep"`) || strings.Count(second, `id="mcp"`) != 1 {
		t.Error("the anchors of a guide are wrong")
	}
	if markdown := p.Page("/docs/guides/first").Markdown(); !strings.Contains(markdown, "(http://127.0.0.1:8080/docs/guides/second.md#deep)") {
		t.Error(markdown)
	}
	if _, err := portal.New(portal.Config{PublicURL: "http://127.0.0.1:8080", Guides: fstest.MapFS{"none.md": {Data: []byte("text")}}}); err == nil {
		t.Error("a guide without a heading is taken")
	}
}

// Only links of the site's own are led to files, not what an API calls its paths.
func TestStaticSiteKeepsWhatTheAPISays(t *testing.T) {
	document := "{openapi: 3.0.3, info: {title: T, version: '1'}, servers: [{url: 'https://api.example.org'}], paths: {" +
		"/docs/7: {get: {operationId: a, description: 'See [one](/docs/absent), at https://api.example.org/docs.', responses: {'200': {description: OK}}}}, /docsets: {get: {operationId: b, responses: {'200': {description: OK}}}}}}"
	folder := t.TempDir()
	p, err := portal.New(portal.Config{Document: []byte(document), AnyAPI: true, Static: true, Path: "/docs", PublicURL: "https://api.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Export(folder); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"operations/a.md": {"https://api.example.org/docs/7", "[one](/docs/absent)"}, "operations/b.md": {"https://api.example.org/docsets"}, "operations/a.html": {`href="/docs/absent"`, `href="../index.html"`},
	} {
		data, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(string(data), text) {
				t.Errorf("%s lacks %s", name, text)
			}
		}
	}
}
