package docdiff_test

import (
	_ "embed"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/nudgehq/nudge/internal/docdiff"
	"github.com/nudgehq/nudge/internal/docdiff/gocode"
	"github.com/nudgehq/nudge/internal/thin"
)

// before is the document that the tests change: nudge's own of some day, so that they do not follow it.
//
//go:embed testdata/before.yaml
var before []byte

// compare lists what changes for callers and for Go users.
func compare(older, newer docdiff.Document) ([]docdiff.Change, error) {
	wire, err := docdiff.Compare(older, newer)
	if err != nil {
		return nil, err
	}
	code, err := gocode.CompareDocuments(older, newer)
	return docdiff.Sorted(wire, code), err
}

// The table was written before the code: testdata/changes.yaml.
func TestChanges(t *testing.T) {
	data, err := os.ReadFile("testdata/changes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var table []struct {
		Name, After, Old, New, Wire, Go string
		// At and GoAt are parts of the line that is reported.
		At   string
		GoAt string `yaml:"goAt"`
	}
	if err := yaml.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	if len(table) < 40 {
		t.Errorf("the table has %d changes", len(table))
	}
	older := docdiff.Document{Name: "older", Data: before}
	code, err := gocode.Generate(older)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(table); i += thin.Step {
		c := table[i]
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			newer := change(t, string(before), c.After, c.Old, c.New)
			after := docdiff.Document{Name: "newer", Data: []byte(newer)}
			wire, err := docdiff.Compare(older, after)
			if err != nil {
				t.Fatal(err)
			}
			generated, err := gocode.Generate(after)
			if err != nil {
				t.Fatal(err)
			}
			changes := docdiff.Sorted(wire, gocode.Compare(code, generated))
			worst := map[docdiff.Audience]string{docdiff.Wire: "none", docdiff.GoAPI: "none"}
			for _, found := range changes {
				if worst[found.Audience] == "none" {
					worst[found.Audience] = found.Severity.String()
				}
				if found.Line == 0 && found.Rule != "api-version-not-bumped" {
					t.Errorf("no line: %+v", found)
				}
			}
			for audience, at := range map[docdiff.Audience]string{docdiff.Wire: c.At, docdiff.GoAPI: c.GoAt} {
				if at != "" && !slices.ContainsFunc(changes, func(found docdiff.Change) bool {
					text := newer
					if found.Gone {
						text = string(before)
					}
					lines := strings.Split(text, "\n")
					return found.Audience == audience && found.Severity.String() == worst[audience] && found.Line > 0 && strings.Contains(lines[found.Line-1], at)
				}) {
					t.Errorf("%s: no change of the worst severity is at %q", audience, at)
				}
			}
			if worst[docdiff.Wire] != c.Wire || worst[docdiff.GoAPI] != c.Go {
				t.Errorf("wire %s, go %s; wanted %s, %s", worst[docdiff.Wire], worst[docdiff.GoAPI], c.Wire, c.Go)
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
	changes, err := docdiff.Compare(docdiff.Document{Name: "older", Data: older}, docdiff.Document{Name: "newer", Data: []byte(newer)})
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) == 0 || changes[0].Rule != "additional-properties-refused" || changes[0].Severity != docdiff.Breaking {
		t.Errorf("%+v", changes)
	}
}

// On the wire a path's parameter has no name.
func TestRenamedPathParameter(t *testing.T) {
	newer := strings.NewReplacer("{Identity}", "{Name}", "name: Identity", "name: Name", "path.Identity", "path.Name").Replace(string(before))
	changes, err := docdiff.Compare(docdiff.Document{Name: "older", Data: before}, docdiff.Document{Name: "newer", Data: []byte(newer)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(changes, func(c docdiff.Change) bool { return c.Rule == "path-parameter-renamed" }) || changes[0].Severity != docdiff.Info {
		t.Errorf("%+v", changes)
	}
}

// The first operation of a document, and documents that are none.
func TestUnusualDocuments(t *testing.T) {
	head, _, _ := strings.Cut(string(before), "paths:\n")
	empty := docdiff.Document{Name: "empty.yaml", Data: []byte(head + "paths: {}\ncomponents: {securitySchemes: {accountSid_authToken: {type: http, scheme: basic}}}\n")}
	changes, err := compare(empty, docdiff.Document{Name: "openapi.yaml", Data: before})
	if err != nil || len(changes) == 0 {
		t.Errorf("%+v, %v", changes, err)
	}
	for _, c := range changes {
		if strings.Contains(c.Text, "no longer implements") || c.Audience == docdiff.Wire && c.Severity == docdiff.Breaking {
			t.Errorf("%+v", c)
		}
	}
	for _, text := range []string{"", "null", "a: b", "swagger: '2.0'\npaths: 1", "openapi: 3.0.3\ninfo: {title: t, version: v}\nservers: [null]\npaths: {}"} {
		if _, err := docdiff.Compare(empty, docdiff.Document{Name: "none.yaml", Data: []byte(text)}); err == nil || !strings.Contains(err.Error(), "none.yaml") {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}

// A change is accepted with its operation, and with as many like it as were reviewed.
func TestAcceptance(t *testing.T) {
	c := docdiff.Change{Audience: docdiff.Wire, Rule: "r", Severity: docdiff.Breaking, Text: "t", Operation: "POST /a", More: []string{"u"}}
	for _, a := range []docdiff.Acceptance{
		{Rule: "r", Text: "t", More: 1}, {Rule: "r", Text: "t", Operation: "POST /b", More: 1}, {Rule: "r", Text: "t", Operation: "POST /a"}, {Rule: "r", Text: "t", Operation: "POST /a", More: 1},
	} {
		report := &docdiff.Report{Changes: []docdiff.Change{c}}
		report.Accept([]docdiff.Acceptance{a})
		right := a.Operation == c.Operation && a.More == 1
		if accepted := len(report.Accepted) == 1; accepted != right || len(report.Unused) == len(report.Accepted) {
			t.Errorf("%+v: %t, %+v", a, accepted, report.Unused)
		}
	}
}
