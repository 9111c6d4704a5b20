package nudge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/openapi"
)

// The error table of the docs has the document's errors, each under its status.
func TestDocsListTheDocumentsErrors(t *testing.T) {
	page := read(t, "docs/errors.md")
	doc, err := openapi.Load(nudge.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, response := range doc.Components.Responses {
		for _, example := range response.Value.Content["application/json"].Examples {
			value := example.Value.Value.(map[string]any)
			row := fmt.Sprintf("| %v | %v | ", value["code"], value["status"])
			if !strings.Contains(page, row) {
				t.Errorf("docs/errors.md has no row %q", row)
			}
			if !strings.Contains(page, fmt.Sprintf("\n## Error %v\n\nStatus %v. ", value["code"], value["status"])) {
				t.Errorf("docs/errors.md does not say what to do about %v", value["code"])
			}
			rows++
		}
	}
	if listed := strings.Count(page, "| 20") + strings.Count(page, "| 60"); listed != rows {
		t.Errorf("docs/errors.md lists %d errors, the document has %d", listed, rows)
	}
}

// The tests that the docs show are compiled and run: each stands in a test file too.
func TestDocsShowTestsThatRun(t *testing.T) {
	for page, files := range map[string]string{"README.md": "server/servertest/readme_test.go", "docs/contract.md": "contract/teams_test.go", "docs/testing.md": "server/servertest/guide_test.go"} {
		tests := read(t, files)
		shown := regexp.MustCompile("(?ms)^func Test.*?^}\n").FindAllString(read(t, page), -1)
		if len(shown) == 0 {
			t.Errorf("%s shows no test", page)
		}
		for _, test := range shown {
			if !strings.Contains(tests, test) {
				t.Errorf("%s shows what is not in %s:\n%s", page, files, test)
			}
		}
	}
}

// The programs that the docs show are run, as they stand, in interop.
func TestDocsShowProgramsThatRun(t *testing.T) {
	page := read(t, "docs/webhooks.md")
	programs, err := filepath.Glob("examples/webhooks/*")
	if err != nil || len(programs) < 4 {
		t.Fatalf("there are %d programs, %v", len(programs), err)
	}
	for _, program := range programs {
		if !strings.Contains(page, "\n"+read(t, program)+"```\n") {
			t.Errorf("docs/webhooks.md does not show %s", program)
		}
	}
}

// The order of the guides names them all.
func TestDocsAreListed(t *testing.T) {
	list := read(t, "docs/README.md")
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(list, "]("+name+")") {
			t.Errorf("docs/README.md lacks %s", name)
		}
	}
}

// Every link to a file of the repository leads to one, and every link within a page to a heading.
func TestDocsLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	roots, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range slices.Concat(roots, pages, decisions) {
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(link[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, link[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, link[1])
			}
		}
	}
}

// code is a block of code, in which nothing is a link.
var code = regexp.MustCompile("(?ms)^```.*?^```")

// anchors are the names by which a page's headings are linked to.
func anchors(page string) []string {
	var list []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		name := strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")
		list = append(list, regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(name, ""))
	}
	return list
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
