package nudge_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/ruledoc"
)

// The README's error table has the document's errors, each under its status.
func TestReadmeListsTheDocumentsErrors(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := ruledoc.Load(nudge.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, response := range doc.Components.Responses {
		for _, example := range response.Value.Content["application/json"].Examples {
			value := example.Value.Value.(map[string]any)
			row := fmt.Sprintf("| %v | %v | ", value["code"], value["status"])
			if !strings.Contains(string(readme), row) {
				t.Errorf("README.md has no row %q", row)
			}
			rows++
		}
	}
	if listed := strings.Count(string(readme), "| 20") + strings.Count(string(readme), "| 60"); listed != rows {
		t.Errorf("README.md lists %d errors, the document has %d", listed, rows)
	}
}

// What the README shows of contract tests is compiled and run.
func TestReadmeShowsWhatRuns(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("contract/teams_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"TestMyServer", "TestMyClient"} {
		_, rest, _ := strings.Cut(string(readme), "```go\nfunc "+name)
		shown, _, ok := strings.Cut(rest, "```")
		if !ok || !strings.Contains(string(tests), "func "+name+shown) {
			t.Errorf("README.md shows another %s than contract/teams_test.go", name)
		}
	}
}
