package contract_test

import (
	"strings"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/strictserver"
	"github.com/nudgehq/nudge/internal/thin"
)

// A server that keeps a document is told nothing; whatever keyword it does not look at, and whatever it answers that its
// schema does not allow, is noticed.
func TestStrictServers(t *testing.T) {
	rows, err := strictserver.Rows()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(rows); i += thin.Step {
		row := rows[i]
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			given := contract.WithDocument("openapi.yaml", row.Document)
			if report, text := runInProcess(t, row.Right, given); report.Failed() {
				t.Errorf("the server is right, and fails:\n%s", text)
			}
			if report, text := runInProcess(t, row.Wrong, given); !report.Failed() {
				t.Errorf("the server is wrong, and passes:\n%s\n%s", text, row.Document)
			}
		})
	}
}

// Nothing is said of a server that keeps another team's document.
func TestStrictServersOfForeignDocuments(t *testing.T) {
	files, err := documents.ReadDir("testdata/documents")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := file.Name()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := mustRead(t, "testdata/documents/"+name)
			if !strings.Contains(string(data), "x-answer") {
				t.Skip("its server is another")
			}
			server, err := strictserver.New(data)
			if err != nil {
				t.Fatal(err)
			}
			if report, text := runInProcess(t, server, contract.WithDocument(name, data)); report.Failed() {
				t.Error(text)
			}
		})
	}
}
