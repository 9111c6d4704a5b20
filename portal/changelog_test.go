package portal_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/portal"
)

// released is nudge's document with pieces replaced, as a released one.
func released(replace ...string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(strings.NewReplacer(replace...).Replace(string(nudge.OpenAPI)))}
}

// What a change is known by stays when its version is released and when other changes come, and two of the same have two.
func TestIDsOfChangesStay(t *testing.T) {
	id := func(of int, versions fstest.MapFS, document *fstest.MapFile) string {
		p := build(t, func(c *portal.Config) { c.Versions, c.Document = versions, document.Data })
		return p.Versions()[of].Changes[0].ID
	}
	first, lower, again := released(maximum(1), maximum(4)), released(maximum(1), maximum(3)), released(maximum(1), maximum(2))
	before := id(0, fstest.MapFS{"1.0.0.yaml": first}, lower)
	for _, after := range []string{
		id(0, fstest.MapFS{"1.0.0.yaml": first}, released(maximum(1), maximum(3), "operationId: CreateNotification", "operationId: SendNotification")),
		id(1, fstest.MapFS{"1.0.0.yaml": first, "1.1.0.yaml": lower}, again),
	} {
		if after != before || strings.Contains(before, "unreleased") {
			t.Errorf("the change was %s and is %s", before, after)
		}
	}
	if second := id(0, fstest.MapFS{"1.0.0.yaml": first, "1.1.0.yaml": lower}, again); second == before {
		t.Errorf("two changes are %s", second)
	}
}

// What stands beside the released documents is shown: days, summaries, why a break was accepted. Days make a feed.
func TestReleases(t *testing.T) {
	operation := "POST /v2/Services/{ServiceSid}/Entities/{Identity}/Challenges/{ChallengeSid}/Notifications"
	versions := fstest.MapFS{"1.0.0.yaml": released(), "1.1.0.yaml": released("operationId: CreateNotification", "operationId: SendNotification")}
	document := released("operationId: CreateNotification", "operationId: SendNotification", maximum(1), maximum(2))
	unexplained := build(t, func(c *portal.Config) { c.Versions, c.Document = versions, document.Data })
	if _, ok := get(t, serve(t, unexplained).URL+portal.Base+"/changelog.atom"); strings.Contains(ok, "<feed") {
		t.Error("there is a feed of releases without days")
	}
	text := unexplained.Versions()[0].Changes[0]
	versions["accepted.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, "accepted:\n  - {rule: %s, operation: %q, text: %q, reason: nobody sends less}\n", text.Rule, operation, text.Text)}
	versions["releases.yaml"] = &fstest.MapFile{Data: []byte("releases:\n  - version: 1.1.0\n    date: 2026-03-04\n    summary: Only *names* <b>changed</b>.\n  - version: 1.0.0\n    date: 2025-01-02\n")}
	p := build(t, func(c *portal.Config) { c.Versions, c.Document = versions, document.Data })
	s := serve(t, p)
	_, html := get(t, s.URL+portal.Base+"/changelog")
	_, markdown := get(t, s.URL+portal.Base+"/changelog.md")
	for page, wants := range map[string][]string{
		html:     {`<time class="muted" datetime="2026-03-04">2026-03-04</time>`, "Accepted: Nobody sends less.", "<em>names</em>", "/changelog.atom"},
		markdown: {"## 1.1.0 (2026-03-04)", "Accepted: Nobody sends less.", "Only *names*"},
	} {
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("it lacks %s:\n%s", want, page)
			}
		}
	}
	response, body := get(t, s.URL+portal.Base+"/changelog.atom")
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/atom+xml") {
		t.Errorf("the feed is %s", response.Header.Get("Content-Type"))
	}
	var feed struct {
		Updated string `xml:"updated"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Content string `xml:"content"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(body), &feed); err != nil {
		t.Fatal(err)
	}
	if len(feed.Entries) != 2 || feed.Updated != "2026-03-04T00:00:00Z" || feed.Entries[0].Title != "1.1.0" || feed.Entries[0].ID != publicURL+portal.Base+"/changelog#1.1.0" ||
		!strings.Contains(feed.Entries[0].Content, "<em>names</em> <b>changed</b>") {
		t.Errorf("the feed is %s", body)
	}
}

// The same of every header of every answer is one entry, and says all.
func TestChangesOfHeadersAreFolded(t *testing.T) {
	document := func(least int) []byte {
		return fmt.Appendf(nil, "openapi: 3.0.3\ninfo: {title: Headers, version: '1'}\npaths:\n  /a:\n    get:\n      operationId: a\n      responses:\n        '200': {description: OK, headers: {X-A: {schema: {type: string, minLength: %[1]d}}, X-B: {schema: {type: string, minLength: %[1]d}}}}\n        '404': {description: None, headers: {X-A: {schema: {type: string, minLength: %[1]d}}}}\n", least)
	}
	p, err := portal.New(portal.Config{Document: document(2), AnyAPI: true, PublicURL: publicURL, Versions: fstest.MapFS{"1.0.0.yaml": {Data: document(1)}}})
	if err != nil {
		t.Fatal(err)
	}
	changes := p.Versions()[0].Changes
	if len(changes) != 1 || len(changes[0].More) != 2 {
		t.Errorf("the changes are %+v", changes)
	}
}

// What is said of releases is judged: it must be of a document that there is, once, and accept what changed.
func TestWrongReleases(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"releases[0] is of the version \"9.0.0\"":       {"releases.yaml": "releases:\n  - {version: 9.0.0}\n"},
		"releases[1] is of the version 1.0.0":           {"releases.yaml": "releases:\n  - {version: 1.0.0}\n  - {version: 1.0.0}\n"},
		"releases[0] has a date":                        {"releases.yaml": "releases:\n  - {version: 1.0.0, date: yesterday}\n"},
		"a rule, a text and a reason":                   {"releases.yaml": "releases:\n  - {version: 1.1.0, accepted: [{rule: a, text: b}]}\n"},
		"1.1.0 accepts a change a that there is not: b": {"releases.yaml": "releases:\n  - {version: 1.1.0, accepted: [{rule: a, text: b, reason: c}]}\n"},
		"1.1.0.yaml and 1.1.0.json are of one version":  {"1.1.0.json": "{}"},
		"": {"releases.yaml": "# none\n", "accepted.yaml": "# none\n"},
	} {
		versions := fstest.MapFS{"1.0.0.yaml": released(), "1.1.0.yaml": released(maximum(1), maximum(2))}
		for name, text := range files {
			versions[name] = &fstest.MapFile{Data: []byte(text)}
		}
		_, err := portal.New(portal.Config{Document: nudge.OpenAPI, PublicURL: publicURL, Versions: versions})
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A changelog of files leads to files, in the feed too.
func TestFeedOfAStaticSite(t *testing.T) {
	versions := fstest.MapFS{"1.0.0.yaml": released(), "releases.yaml": {Data: []byte("releases:\n  - {version: 1.0.0, date: 2026-03-04}\n")}}
	p, err := portal.New(portal.Config{Document: nudge.OpenAPI, AnyAPI: true, Static: true, Path: "/docs", PublicURL: "https://docs.example.com/docs", Versions: versions})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := p.Export(folder); err != nil {
		t.Fatal(err)
	}
	feed, err := os.ReadFile(filepath.Join(folder, "changelog.atom"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`href="https://docs.example.com/docs/changelog.html"`, `href="https://docs.example.com/docs/changelog.atom"`, `xml:base="https://docs.example.com/docs/changelog.html"`, "<id>https://docs.example.com/docs/changelog.html#1.0.0</id>"} {
		if !strings.Contains(string(feed), want) {
			t.Errorf("the feed lacks %s:\n%s", want, feed)
		}
	}
}
