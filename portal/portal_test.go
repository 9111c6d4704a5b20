package portal_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/net/html"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/portal"

	"github.com/nudgehq/nudge/internal/documented"
)

// maximum is the bound of Ttl as the document writes it, or a multiple of it.
func maximum(times int) string { return fmt.Sprintf("maximum: %d", times*documented.MaxTTL) }

const publicURL = "https://notify.example.com"

func build(t *testing.T, configure ...func(*portal.Config)) *portal.Portal {
	t.Helper()
	config := portal.Config{PublicURL: publicURL, Devices: true}
	for _, f := range configure {
		f(&config)
	}
	p, err := portal.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func serve(t *testing.T, p *portal.Portal) *httptest.Server {
	t.Helper()
	h, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// document is the embedded one with what it has no case of.
var document = bytes.Replace(nudge.OpenAPI, []byte("      requestBody:\n"), []byte("      requestBody:\n        description: What to send.\n"), 1)

// Both forms of the page say all that the document says.
func TestPagesSayAllThatTheDocumentSays(t *testing.T) {
	s := serve(t, build(t, func(c *portal.Config) { c.Document = document }))
	for _, page := range []string{portal.Base, portal.Base + "/operations/CreateNotification"} {
		_, text := get(t, s.URL+page)
		_, markdown := get(t, s.URL+page+".md")
		for _, missing := range missing(t, document, text, markdown) {
			t.Errorf("%s: %s", page, missing)
		}
	}
}

// A bound that changes in the document changes in every form.
func TestChangedBoundIsShown(t *testing.T) {
	changed := bytes.Replace(nudge.OpenAPI, []byte(maximum(1)+"\n"), []byte(maximum(2)+"\n"), 1)
	s := serve(t, build(t, func(c *portal.Config) { c.Document = changed }))
	for _, page := range []string{portal.Base, portal.Base + ".md", portal.Base + "/operations/CreateNotification.md", portal.Base + "/openapi.yaml"} {
		_, text := get(t, s.URL+page)
		if !strings.Contains(text, fmt.Sprint(2*documented.MaxTTL)) {
			t.Errorf("%s does not say %d", page, 2*documented.MaxTTL)
		}
	}
	_, text := get(t, s.URL+portal.Base)
	_, markdown := get(t, s.URL+portal.Base+".md")
	for _, missing := range missing(t, changed, text, markdown) {
		t.Error(missing)
	}
	_, changes := get(t, s.URL+portal.Base+"/changelog.md")
	if !strings.Contains(changes, "## unreleased") || !strings.Contains(changes, "request-property-max-increased") {
		t.Errorf("the changelog says %s", changes)
	}
}

// The document's order is the page's.
func TestOrderIsTheDocuments(t *testing.T) {
	s := serve(t, build(t))
	_, markdown := get(t, s.URL+portal.Base+".md")
	at := -1
	for _, text := range []string{"`ServiceSid`", "`Identity`", "`ChallengeSid`", "### Request body", "`createWithTtl`", "`createWithDefaultTtl`",
		"#### 201", "`Access-Control-Allow-Origin`", "`Access-Control-Allow-Methods`", "`Twilio-Request-Id`", "`sid`", "`account_sid`", "`service_sid`", "`entity_sid`",
		"`identity`", "`challenge_sid`", "`priority`", "`ttl`", "`date_created`", "\"sid\":", "\"account_sid\":", "\"ttl\":", "\"date_created\":",
		"#### 400", "`code`", "`message`", "`more_info`", "`status`", "`details`", "`in`", "`field`", "`rule`", "60200", "60306", "20001", "60307", "#### 401", "#### 403", "#### 503"} {
		next := strings.Index(markdown[at+1:], text)
		if next < 0 {
			t.Fatalf("%s does not come after what is before it in the document", text)
		}
		at += next + 1
	}
	_, converted := get(t, s.URL+portal.Base+"/openapi.json")
	if strings.Index(converted, `"openapi"`) > strings.Index(converted, `"info"`) || strings.Index(converted, `"paths"`) > strings.Index(converted, `"components"`) {
		t.Error("openapi.json has another order than openapi.yaml")
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(converted))
	if err != nil || doc.Paths.Len() != 1 {
		t.Errorf("openapi.json is not the document: %v", err)
	}
}

func TestSearch(t *testing.T) {
	p := build(t)
	for query, want := range map[string]string{
		"ttl": "Ttl", "TTL": "Ttl", "service": "ServiceSid", "request id": "Twilio-Request-Id", "60309": "60309 The Challenge has had its notifications; trying again does not help",
		"basic": "Authentication", "create notification": "Create a Notification for a Challenge", "allow": "Allow",
	} {
		hits := p.Search(query, "")
		if len(hits) == 0 || hits[0].Title != want {
			t.Errorf("%q finds %+v, not %s first", query, hits, want)
		}
	}
	for _, hit := range p.Search("sid", "parameter") {
		if hit.Kind != "parameter" {
			t.Errorf("a search for parameters finds %+v", hit)
		}
	}
	if hits := p.Search("a", ""); len(hits) != 20 {
		t.Errorf("%d hits, not 20", len(hits))
	}
	if hits := p.Search("xyzzy", ""); len(hits) != 0 {
		t.Errorf("found %+v", hits)
	}
	// What is found is there.
	s := serve(t, p)
	for _, query := range []string{"ttl", "sid", "error", "header", "allow"} {
		for _, hit := range p.Search(query, "") {
			path, anchor, ok := strings.Cut(hit.Path, "#")
			if _, page := get(t, s.URL+path); ok && !strings.Contains(page, `id="`+anchor+`"`) {
				t.Errorf("the page has no place %s", hit.Path)
			}
		}
	}
}

func TestChangelog(t *testing.T) {
	version := func(name string, replace ...string) *fstest.MapFile {
		text := strings.Replace(string(nudge.OpenAPI), "version: 1.0.0", "version: "+name, 1)
		return &fstest.MapFile{Data: []byte(strings.NewReplacer(replace...).Replace(text))}
	}
	p := build(t, func(c *portal.Config) {
		c.Versions = fstest.MapFS{
			"0.9.0.yaml":  version("0.9.0", maximum(1), maximum(2)),
			"0.10.0.yaml": version("0.10.0"),
		}
		c.Document = version("1.0.0", maximum(1), maximum(3)).Data
	})
	var names []string
	for _, v := range p.Versions() {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"unreleased", "0.10.0", "0.9.0"}) {
		t.Fatalf("the versions are %v", names)
	}
	s := serve(t, p)
	_, page := get(t, s.URL+portal.Base+"/changelog")
	for _, text := range []string{`<span class="severity breaking">breaking</span>`, "request-property-max-decreased", "request-property-max-increased", "The first version.", `id="request-property-max-decreased-`, "1 breaking.", "Only breaking"} {
		if !strings.Contains(page, text) {
			t.Errorf("the changelog lacks %s", text)
		}
	}
	// One line of the document, many answers: each is named.
	everywhere := build(t, func(c *portal.Config) {
		c.Versions = fstest.MapFS{"1.0.0.yaml": version("1.0.0")}
		c.Document = version("1.1.0", "        details:\n", "        particulars:\n").Data
	})
	var more []string
	for _, c := range everywhere.Versions()[0].Changes {
		more = append(more, c.More...)
	}
	_, html := get(t, serve(t, everywhere).URL+portal.Base+"/changelog")
	for _, text := range more {
		if !strings.Contains(squeeze(everywhere.Page(portal.Base+"/changelog").Markdown()), squeeze(text[1:])) {
			t.Errorf("the changelog in Markdown lacks %s", text)
		}
	}
	if len(more) == 0 || !strings.Contains(html, "9 more like it") {
		t.Errorf("the changelog lacks %q", more)
	}
	if hits := p.Search("max-decreased", "change"); len(hits) != 1 || hits[0].Path != portal.Base+"/changelog#"+p.Versions()[1].Changes[0].ID {
		t.Errorf("the search finds %+v", hits)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, url := range []string{"", "notify.example.com", "ftp://notify.example.com", "https://", "https://a.example/a/..", "https://a.example/a//b", "https://a.example/%61", "https://a.example/{x}", "https://a.example/doc", "https://a.example/devices/x", "https://a.example/v2", "https://a.example:99999", "https://a.example:", "http://[::1%25lo]:80", "http://0.0.0.0:80", "http://:80", "https://a.example/?", "https://a.example/#x", "https://user:secret@notify.example.com"} {
		if _, err := portal.New(portal.Config{PublicURL: url}); err == nil {
			t.Errorf("the public URL %q is taken", url)
		}
	}
	if _, err := portal.New(portal.Config{PublicURL: publicURL, Document: []byte("openapi: 3.0.3")}); err == nil {
		t.Error("a document that is none is taken")
	}
}

// No secret is on a page of a server that is not for development.
func TestCredentialsAreNotInvented(t *testing.T) {
	s := serve(t, build(t))
	_, markdown := get(t, s.URL+portal.Base+".md")
	for _, text := range []string{"$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN", `os.Getenv("TWILIO_AUTH_TOKEN")`, "process.env.TWILIO_AUTH_TOKEN", `os.environ["TWILIO_AUTH_TOKEN"]`, publicURL + documented.Path} {
		if !strings.Contains(markdown, text) {
			t.Errorf("the samples lack %s", text)
		}
	}
	if strings.Contains(markdown, "dev0token") {
		t.Error("the samples have the token of development")
	}
}

// Documents of other people have what ours has not.
func TestEverything(t *testing.T) {
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, build(t, func(c *portal.Config) { c.Document, c.Versions = everything, fstest.MapFS{} }))
	_, page := get(t, s.URL+portal.Base)
	_, markdown := get(t, s.URL+portal.Base+".md")
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, names := map[string]bool{}, map[string]int{}
	for n := range root.Descendants() {
		radio := ""
		for _, a := range n.Attr {
			if a.Key == "id" && ids[a.Val] {
				t.Errorf("two places are called %s", a.Val)
			}
			if a.Key == "id" {
				ids[a.Val] = true
			}
			if a.Key == "name" && strings.HasSuffix(a.Val, "-tabs") {
				radio = a.Val
			}
		}
		for _, a := range n.Attr {
			if a.Key == "checked" && radio != "" {
				names[radio]++
			}
		}
	}
	for name, checked := range names {
		if checked != 1 {
			t.Errorf("%d tabs of %s are chosen", checked, name)
		}
	}
	for _, link := range regexp.MustCompile(`<(?:a href="#|label for=")([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !ids[html.UnescapeString(link[1])] {
			t.Errorf("there is no place for the link #%s", link[1])
		}
	}
	if strings.Contains(page, "<img") || strings.Contains(page, "<script>alert") {
		t.Error("the description brings an image or a script")
	}
	for _, missing := range missingOfEverything(t, page, markdown) {
		t.Error(missing)
	}
	if strings.Contains(markdown, "<nil>") || strings.Contains(markdown, "twilio(") {
		t.Error("a null is <nil>, or there is a sample of an SDK that has no such call")
	}
	_, merged := get(t, serve(t, build(t, func(c *portal.Config) {
		c.Versions = fstest.MapFS{}
		c.Document = []byte(strings.Replace(strings.Replace(string(everything), "    Base:\n", "    Base: &base\n", 1), "    Thing:\n", "    Merged:\n      <<: *base\n      description: Merged.\n    Thing:\n", 1))
	})).URL+portal.Base+"/openapi.json")
	if strings.Contains(merged, "<<") || !strings.Contains(merged, `"Merged."`) {
		t.Error("openapi.json keeps what only YAML has")
	}
}
