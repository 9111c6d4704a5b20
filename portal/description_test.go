package portal_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/nudgehq/nudge/portal"
)

// described is the page of a document whose description is given, and its meta description.
func described(t *testing.T, description string) (text *html.Node, meta string) {
	t.Helper()
	document := "openapi: 3.0.3\ninfo:\n  title: Described\n  version: 1.0.0\n  description: |\n    " + strings.ReplaceAll(description, "\n", "\n    ") + `
paths:
  /things:
    get:
      operationId: ListThings
      responses: {"200": {description: Things}}
`
	p, err := portal.New(portal.Config{Document: []byte(document), AnyAPI: true, Path: "/docs", PublicURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(page(t, p, "/docs")))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		if n.Data == "meta" && attributes["name"] == "description" {
			meta = attributes["content"]
		}
		if n.Data == "div" && attributes["class"] == "text" && text == nil {
			text = n
		}
	}
	if text == nil {
		t.Fatal("the page has no description")
	}
	return text, meta
}

func TestDescriptions(t *testing.T) {
	for _, c := range []struct{ name, description, html, meta string }{
		{"HTML shapes text", "<p>A <b>bold</b> step<br/>and <code>x</code>, see <a class=\"c\" href=\"https://far.example/?a=1&amp;b=2\" onclick=\"no()\">there</a>.</p>",
			`<p>A <b>bold</b> step<br/>and <code>x</code>, see <a href="https://far.example/?a=1&amp;b=2">there</a>.</p>`, "A bold step and x, see there."},
		{"HTML between words", "One <em>two</em> <strong>three</strong> H<sub>2</sub>O", `<p>One <em>two</em> <strong>three</strong> H<sub>2</sub>O</p>`, "One two three H2O"},
		{"a placeholder stays", "Send <id> and <widget-name>.", `<p>Send &lt;id&gt; and &lt;widget-name&gt;.</p>`, "Send <id> and <widget-name>."},
		{"a script stays text", "<script>alert(1)</script>", `&lt;script&gt;alert(1)&lt;/script&gt;`, "<script>alert(1)</script>"},
		{"scripts of links", `<a href="javascript:alert(1)">a</a> <a href=" JaVaScRiPt:alert(1)">b</a> <a href="data:text/html,x">c</a>`, `<p><a>a</a> <a>b</a> <a>c</a></p>`, "a b c"},
		{"what is open is closed", "<div><b>bold <i>both", `<div><b>bold <i>both</i></b></div>`, "bold both"},
		{"what is closed was open", "</div></div></main>text", `&lt;/main&gt;text`, "</main>text"},
		{"comments", "a <!-- note --> b", `<p>a  b</p>`, "a b"},
		{"a table", "|a|b|\n|-|-:|\n|1|~~2~~|", `<div class="scroll" tabindex="0" role="region" aria-label="Table"><table><thead><tr><th>a</th><th align="right">b</th></tr></thead><tbody><tr><td>1</td><td align="right"><del>2</del></td></tr></tbody></table></div>`, "a b 1 2"},
		{"an image is its text", "See ![the ways](https://far.example/i.png) of `it` & [more](https://far.example).", `<p>See the ways of <code>it</code> &amp; <a href="https://far.example">more</a>.</p>`, "See the ways of it & more."},
		{"an address leads there", "See https://far.example/x.", `<p>See <a href="https://far.example/x">https://far.example/x</a>.</p>`, "See https://far.example/x."},
		{"deep", strings.Repeat("<div>", 600) + "x", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, meta := described(t, c.description)
			var b strings.Builder
			for n := range text.ChildNodes() {
				if err := html.Render(&b, n); err != nil {
					t.Fatal(err)
				}
			}
			got := strings.ReplaceAll(b.String(), "\n", "")
			if c.html != "" && got != c.html {
				t.Errorf("the description is shown as\n%s\nwant\n%s", got, c.html)
			}
			if c.html != "" && meta != c.meta {
				t.Errorf("it is summed up as %q, want %q", meta, c.meta)
			}
			if !strings.HasSuffix(strings.TrimSpace(got), "x</p>") && c.html == "" {
				t.Errorf("the description is shown as %.100s", got)
			}
		})
	}
}
