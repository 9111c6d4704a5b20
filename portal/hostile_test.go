package portal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/portal"
)

// hostileText is text that would be markup, an attribute's end or a template, if anybody took it for such.
const hostileText = "\n\n\"'><script>alert(1)</script><img src=x onerror=alert(1)> [l](javascript:alert(1)) ![i](https://far.example/i.png) <a href=\"javascript:alert(1)\" onclick=alert(1)>a</a> </title></textarea></style> {{.}} `</code><script>alert(1)</script>`\n\n```\n</code></pre><script>alert(1)</script>\n```\n"

// hostile is a document whose texts, examples, defaults and values all end with hostile text.
func hostile(t *testing.T, document []byte) []byte {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		t.Fatal(err)
	}
	var walk func(n *yaml.Node, isText bool)
	walk = func(n *yaml.Node, isText bool) {
		switch {
		case n.Kind == yaml.ScalarNode && isText && n.Tag == "!!str":
			n.Value += hostileText
			n.Style = yaml.DoubleQuotedStyle
		case n.Kind == yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				switch n.Content[i].Value {
				case "description", "summary", "title", "example", "value":
					walk(n.Content[i+1], true)
				default:
					walk(n.Content[i+1], isText && n.Content[i].Value != "$ref")
				}
			}
		default:
			for _, child := range n.Content {
				walk(child, isText)
			}
		}
	}
	walk(&root, false)
	text, err := yaml.Marshal(&root)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Whatever a document says stays text, on every page.
func TestHostileTextStaysText(t *testing.T) {
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, document := range map[string][]byte{"own": nudge.OpenAPI, "everything": everything, "many operations": manyOperations(t)} {
		t.Run(name, func(t *testing.T) {
			p, err := portal.New(portal.Config{
				Document: hostile(t, document), AnyAPI: name != "own", Path: "/docs", PublicURL: "http://127.0.0.1:8080", Versions: fstest.MapFS{"1.0.0.yaml": {Data: document}},
			})
			if err != nil {
				t.Fatal(err)
			}
			said := 0
			for _, of := range p.Pages() {
				said += judge(t, of.Path, page(t, p, of.Path))
			}
			said += judge(t, "search", page(t, p, "/docs/search?q=script"))
			if said == 0 {
				t.Error("no page says the texts")
			}
			static, err := portal.New(portal.Config{Document: hostile(t, document), AnyAPI: true, Static: true, PublicURL: portal.Nowhere})
			if err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			if err := static.Export(folder); err != nil {
				t.Fatal(err)
			}
			index, err := os.ReadFile(filepath.Join(folder, "index.html"))
			if err != nil {
				t.Fatal(err)
			}
			judge(t, "static site", string(index))
		})
	}
}

// judge looks for what hostile text could have become; it counts the places where it is text.
func judge(t *testing.T, name, page string) (said int) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			said += strings.Count(n.Data, "alert(1)")
		}
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "img" || n.Data == "iframe" {
			t.Errorf("%s has an element %s", name, n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "href" && strings.HasPrefix(a.Val, "javascript:") || a.Key == "src" && !strings.Contains(a.Val, "/assets/") && !strings.Contains(a.Val, "assets/") {
				t.Errorf("%s has %s=%q on %s", name, a.Key, a.Val, n.Data)
			}
		}
		if n.Data == "script" && n.FirstChild != nil {
			t.Errorf("%s has a script: %s", name, n.FirstChild.Data)
		}
	}
	return said
}
