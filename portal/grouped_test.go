package portal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/portal"
)

// manyOperations is a document of a team's own with more operations than one page describes: two tags, one of them without an entry of
// its own, and operations of no tag.
func manyOperations(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/many.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(data)
	for i := range 20 {
		fmt.Fprintf(&b, "  /v1/invoices/{id}/lines/%d:\n    get:\n      operationId: line%d\n      summary: Line %d\n      parameters:\n      - {name: id, in: path, required: true, schema: {type: string}}\n"+
			"      responses:\n        '200':\n          description: OK.\n", i, i, i)
	}
	return []byte(b.String())
}

func manyPages(t *testing.T) *portal.Portal {
	t.Helper()
	p, err := portal.New(portal.Config{Document: manyOperations(t), AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func page(t *testing.T, p *portal.Portal, path string) string {
	t.Helper()
	handler, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, w.Code)
	}
	return w.Body.String()
}

// listed is what the pages of many operations say to find one, in both forms.
func listed(t *testing.T, p *portal.Portal) (missing []string) {
	t.Helper()
	for path, texts := range map[string][]string{
		"/docs": {`<h2>Operations</h2>`, `href="/docs/tags/Pets">Pets</a> <span class="muted">2</span><div class="text"><p>What barks.</p>`, `href="/docs/tags/invoices">invoices</a> <span class="muted">20</span>`},
		"/docs/tags/Pets": {
			`href="/docs/operations/buyPet"><span class="verb" data-method="POST">POST</span> <code>`, `/pets</code></a> Buy a pet`, ` <span class="deprecated">Deprecated</span></li>`,
		},
		"/docs/operations/listPets": {"<h1>List pets</h1>", " · needs <code>undeclared</code>"},
		"/docs.md":                  {"\n## Operations\n", "- [Pets](http://127.0.0.1:8080/docs/tags/Pets.md): 2. What barks.\n", "- [invoices](http://127.0.0.1:8080/docs/tags/invoices.md): 20\n"},
		"/docs/tags/Pets.md":        {"- [POST /v1/pets](http://127.0.0.1:8080/docs/operations/buyPet.md): Buy a pet\n"},
	} {
		got := page(t, p, path)
		for _, text := range texts {
			if !strings.Contains(got, text) {
				missing = append(missing, fmt.Sprintf("%s lacks %s", path, text))
			}
		}
	}
	return missing
}

func TestManyOperations(t *testing.T) {
	p := manyPages(t)
	for _, text := range listed(t, p) {
		t.Error(text)
	}
	overview, operation := page(t, p, "/docs"), page(t, p, "/docs/operations/buyPet")
	if strings.Contains(overview, "buyPet") || strings.Contains(overview, "This server") || strings.Contains(overview, "changelog") {
		t.Error("the first page describes operations, or names what is not there")
	}
	for _, text := range []string{
		`href="/docs/operations/listPets"`, `href="/docs/tags/invoices"`, `<span>Pets, Inc.</span>`,
	} {
		if !strings.Contains(operation, text) {
			t.Errorf("the page of an operation lacks %s", text)
		}
	}
	markdown := p.Page("/docs/operations/buyPet").Markdown()
	for _, text := range []string{"curl -X POST https://pets.example.com/v1/pets", `-u "$API_USERNAME:$API_PASSWORD"`, "httpx.request(", "http.NewRequest(", "await fetch(", `{"name":`} {
		if !strings.Contains(markdown, text) {
			t.Errorf("the samples of an operation lack %s", text)
		}
	}
	for _, text := range []string{`href="/docs/operations/line1"`, "twilio", "Console", "nudge"} {
		if strings.Contains(operation, text) {
			t.Errorf("the page of an operation has %s", text)
		}
	}
	if found := p.Search("BUYPET", ""); len(found) == 0 || found[0].Kind != "operation" || !strings.HasSuffix(found[0].Path, "#buyPet") {
		t.Errorf("the operation's id finds %v", found)
	}
	found := p.Search("barks", "")
	if len(found) == 0 || found[0].Path != "/docs/tags/Pets" {
		t.Errorf("search finds %v", found)
	}
	if found := p.Search("nickname", "attribute"); len(found) == 0 || !strings.HasPrefix(found[0].Path, "/docs/operations/buyPet#") || p.Lines(found[0].Path) == "" {
		t.Errorf("search finds %v", found)
	}
	if css := page(t, p, "/docs/assets/portal.css"); !strings.Contains(css, "--accent: light-dark(#") {
		t.Error("the accent of x-portal is not in the stylesheet")
	}
	brief, err := p.Brief(p.Page("/docs/tags/Pets"), "")
	if err != nil || !strings.Contains(brief, "POST /v1/pets: Buy a pet http://127.0.0.1:8080/docs/operations/buyPet") {
		t.Errorf("%s, %v", brief, err)
	}
}

// A value whose parts multiply is described as deep as it fits, wherever it stands: a page stays small.
func TestDeepValuesFit(t *testing.T) {
	var b strings.Builder
	b.WriteString("openapi: 3.0.3\ninfo: {title: Deep, version: '1'}\npaths:\n  /deep:\n    get:\n      operationId: deep\n      parameters:\n        - {name: filter, in: query, content: {application/json: {schema: {$ref: '#/components/schemas/l0'}}}}\n      responses:\n        '200':\n          description: OK.\n          headers: {X-Deep: {content: {application/json: {schema: {$ref: '#/components/schemas/l0'}}}}}\n          content:\n            application/json:\n              schema: {$ref: '#/components/schemas/l0'}\ncomponents:\n  schemas:\n")
	for level := range 6 {
		fmt.Fprintf(&b, "    l%d:\n      type: object\n      properties:\n", level)
		for i := range 12 {
			fmt.Fprintf(&b, "        p%d: {$ref: '#/components/schemas/l%d'}\n", i, level+1)
		}
	}
	b.WriteString("    l6: {type: string}\n")
	p, err := portal.New(portal.Config{Document: []byte(b.String()), AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	got := page(t, p, "/docs")
	if source := page(t, p, "/docs/operations/deep.yaml"); !strings.Contains(source, "name: filter") || !strings.Contains(page(t, p, "/docs/operations/deep"), `/docs/operations/deep.yaml">Source</a>`) {
		t.Errorf("the source is %s", source)
	}
	if len(got) > 100_000 || !strings.Contains(got, ">p11</code>") || !strings.Contains(got, "the fields of l1; see the document") {
		t.Errorf("%d bytes", len(got))
	}
}

func TestLook(t *testing.T) {
	for name, look := range map[string]portal.Look{
		"accent": {Accent: "red"}, "no image": {Mark: []byte("hello")}, "another image": {Mark: []byte("<html></html>")}, "a script": {Mark: []byte("<svg><script/></svg>")}, "a handler": {Mark: []byte(`<svg onload="x"/>`)}, "large": {Mark: []byte("<svg>" + strings.Repeat(" ", 70_000) + "</svg>")},
	} {
		if _, err := portal.New(portal.Config{PublicURL: "http://127.0.0.1:8080", Look: look}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	p, err := portal.New(portal.Config{PublicURL: "http://127.0.0.1:8080", Look: portal.Look{Name: "<Acme>", Accent: "#ffff00", Mark: []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")}})
	if err != nil {
		t.Fatal(err)
	}
	got := page(t, p, portal.Base)
	if !strings.Contains(got, `<span>&lt;Acme&gt;</span>`) || !strings.Contains(got, `<img src="`+portal.Base+`/assets/icon.svg?v=`) || page(t, p, portal.Base+"/assets/icon.svg") != "<svg xmlns='http://www.w3.org/2000/svg'/>" {
		t.Error("the name or the mark is not shown")
	}
}

// Pages that are made when they are asked for are made by many at once.
func TestPagesOnDemandTogether(t *testing.T) {
	p := manyPages(t)
	handler, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			for _, path := range []string{fmt.Sprintf("/docs/operations/line%d", i%20), fmt.Sprintf("/docs/operations/line%d.md", i%20), "/docs/search?q=line", "/docs/absent"} {
				w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Accept", "text/html")
				handler.ServeHTTP(w, r)
				if want := map[bool]int{true: http.StatusNotFound, false: http.StatusOK}[path == "/docs/absent"]; w.Code != want {
					t.Errorf("%s: %d", path, w.Code)
				}
			}
			p.Search("line", "")
		})
	}
	group.Wait()
}

// A page that would be too large is cut into one an operation, however few there are.
func TestLargePagesAreCut(t *testing.T) {
	var b strings.Builder
	b.WriteString("openapi: 3.0.3\ninfo: {title: Large, version: '1'}\npaths:\n")
	for i := range 8 {
		fmt.Fprintf(&b, "  /things%d:\n    get:\n      operationId: things%d\n      description: %s\n      responses: {'200': {description: OK}}\n", i, i, strings.Repeat("word ", 4_000))
	}
	p, err := portal.New(portal.Config{Document: []byte(b.String()), AnyAPI: true, PublicURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range p.Pages() {
		if n := len(page(t, p, of.Path)); n > 100_000 {
			t.Errorf("%s has %d bytes", of.Path, n)
		}
	}
	if p.Page("/docs/operations/things7") == nil || p.Page("/docs/tags/things7") == nil {
		t.Error("its operations have no pages")
	}
}

// What a document says that callers receive is shown beside what they send, without samples.
func TestWebhooksAreShown(t *testing.T) {
	p, err := portal.New(portal.Config{AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080", Document: []byte(`openapi: 3.1.0
info: {title: Shop, version: '1'}
paths:
  /orders:
    post:
      operationId: order
      responses: {'201': {description: Ordered.}}
webhooks:
  orderShipped:
    post:
      summary: An order was shipped
      requestBody: {content: {application/json: {schema: {type: object, properties: {carrier: {type: string, description: Who brings it.}}}}}}
      responses: {'204': {description: Taken.}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	html, markdown := page(t, p, "/docs"), page(t, p, "/docs.md")
	for _, want := range []string{"An order was shipped", "webhook, sent to you", "Who brings it."} {
		if !strings.Contains(html, want) || !strings.Contains(markdown, want) {
			t.Errorf("a page lacks %s", want)
		}
	}
	if strings.Count(html, ">Call it<") != 1 || strings.Count(markdown, "### Samples") != 1 {
		t.Error("there is a sample of a webhook")
	}
	if hits := p.Search("carrier", "attribute"); len(hits) != 1 {
		t.Errorf("the search finds %v", hits)
	}
	if text, ok := p.OperationSource("POST orderShipped"); !ok || !strings.Contains(text, "carrier") {
		t.Error(text)
	}
}

// What callers receive may be named as what they send is, and as each other: each has a page, with its own source.
func TestReceivedRequestsHaveTheirOwnPages(t *testing.T) {
	p, err := portal.New(portal.Config{AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080", Document: []byte(`openapi: 3.1.0
info: {title: Shop, version: '1'}
tags: [null]
x-again: &again {'200': {description: SHARED}}
paths:
  /things:
    post:
      operationId: created
      tags: [things]
      description: SENT
      callbacks: {done: {'{$url}': {post: {description: CALLBACK ONE, responses: *again}}}}
      responses: *again
  /others:
    post:
      operationId: other
      callbacks: {done: {'{$url}': {post: {description: CALLBACK TWO, responses: *again}}}}
      responses: *again
webhooks:
  a: {post: {operationId: created, description: WEBHOOK A, responses: *again}}
  /things: {post: {operationId: created, description: WEBHOOK B, responses: *again}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, of := range p.Pages() {
		if !of.HasSource() {
			continue
		}
		html, source := page(t, p, of.Path), page(t, p, of.Path+".yaml")
		for _, text := range []string{"SENT", "CALLBACK ONE", "CALLBACK TWO", "WEBHOOK A", "WEBHOOK B"} {
			if !strings.Contains(html, "<p>"+text+"</p>") {
				continue
			}
			shown[text] = true
			if !strings.Contains(source, text) || !strings.Contains(source, "SHARED") || strings.Contains(source, "*again") {
				t.Errorf("the source of %s is %s", text, source)
			}
		}
	}
	if len(shown) != 5 {
		t.Errorf("there are pages of %v", shown)
	}
}
