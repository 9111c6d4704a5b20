package docdiff_test

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/docdiff"
)

// The table was written before the code: testdata/changes.yaml.
func TestChanges(t *testing.T) {
	data, err := os.ReadFile("testdata/changes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var table []struct{ Name, After, Old, New, Wire, Go string }
	if err := yaml.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	if len(table) < 40 {
		t.Errorf("the table has %d changes", len(table))
	}
	for _, c := range table {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			newer := change(t, string(nudge.OpenAPI), c.After, c.Old, c.New)
			changes, err := docdiff.Compare(nudge.OpenAPI, []byte(newer))
			if err != nil {
				t.Fatal(err)
			}
			worst := map[docdiff.Audience]string{docdiff.Callers: "none", docdiff.Gophers: "none"}
			for _, found := range changes {
				if worst[found.Audience] == "none" {
					worst[found.Audience] = found.Severity.String()
				}
				if found.Line == 0 && found.Rule != "api-version-not-bumped" {
					t.Errorf("no line: %+v", found)
				}
			}
			if worst[docdiff.Callers] != c.Wire || worst[docdiff.Gophers] != c.Go {
				t.Errorf("wire %s, go %s; wanted %s, %s", worst[docdiff.Callers], worst[docdiff.Gophers], c.Wire, c.Go)
				for _, found := range changes {
					t.Logf("%s %s %s line %d: %s", found.Audience, found.Severity, found.Rule, found.Line, found.Text)
				}
			}
		})
	}
}

// change replaces the first old after a place.
func change(t *testing.T, document, after, old, replacement string) string {
	t.Helper()
	start := strings.Index(document, after)
	at := strings.Index(document[max(0, start):], old)
	if start < 0 || at < 0 {
		t.Fatalf("the document has no %q after %q", old, after)
	}
	at += start
	return document[:at] + replacement + document[at+len(old):]
}

// Schemas that contain themselves and each other are compared once, not once for each way into them.
func TestSchemasThatContainThemselves(t *testing.T) {
	older, err := os.ReadFile("../../contract/testdata/nested.yaml")
	if err != nil {
		t.Fatal(err)
	}
	newer := change(t, string(older), "    Wood:", "type: object\n", "type: object\n      additionalProperties: false\n")
	changes, err := docdiff.Compare(older, []byte(newer))
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) == 0 || changes[0].Rule != "additional-properties-refused" || changes[0].Severity != docdiff.Breaking {
		t.Errorf("%+v", changes)
	}
}
