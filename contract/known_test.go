package contract_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/mutant"
)

// A defect that is known fails nothing and is counted; one that is gone is told.
func TestKnownDefects(t *testing.T) {
	known := contract.WithKnown([]byte(fmt.Sprintf(`known:
  - {rule: "openapi.yaml:1 Ttl maximum %d", message: "it must be refused", reason: "#12, in the next version"}
  - {rule: never, reason: it was repaired}
`, documented.MaxTTL)))
	report, text := run(t, mutant.New("accepts a Ttl above its maximum"), known, contract.WithOnly("one above its maximum"))
	if report.Failed() || !strings.Contains(text, "KNOWN defects break 1 case\n") || !strings.Contains(text, "GONE  never") || len(report.Gone) != 1 {
		t.Error(text)
	}
	if report, text := run(t, mutant.New("answers 422 to a bad Ttl"), known, contract.WithOnly("one above its maximum")); !report.Failed() {
		t.Errorf("another defect is known: %s", text)
	}
	for _, wrong := range []string{"known: [{rule: x}]", "known: [{rule: x, reason: y, message: (}]", "unknown: []"} {
		if _, err := contract.Cases(contract.WithKnown([]byte(wrong))); err == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}

// Each rule is switched by its name.
func TestRulesAreSwitched(t *testing.T) {
	document := contract.WithDocument("crud.yaml", mustRead(t, "testdata/documents/crud.yaml"))
	groups := func(options ...contract.Option) map[string]bool {
		cases, err := contract.Cases(append(options, document)...)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, c := range cases {
			found[strings.Split(strings.Replace(c.Name, " /", "", 1), "/")[1]] = true
		}
		return found
	}
	if plain := groups(); plain["sizes"] || !plain["methods"] {
		t.Errorf("without a switch: %v", plain)
	}
	for _, r := range contract.Rules() {
		if groups(contract.WithoutRules(r.Name))[r.Name] {
			t.Errorf("%s is off, and has cases", r.Name)
		}
	}
	if on := groups(contract.WithRules("sizes", "media types")); !on["sizes"] || !on["media types"] || on["echo"] {
		t.Errorf("with two strict rules: %v", on)
	}
	if _, err := contract.Cases(contract.WithRules("all"), document); err == nil || !strings.Contains(err.Error(), "there are examples, values") {
		t.Errorf("an unknown rule: %v", err)
	}
}

// Of many cases some are chosen, always the same, and what the others build on is among them.
func TestMaxCases(t *testing.T) {
	document := contract.WithDocument("crud.yaml", mustRead(t, "testdata/documents/crud.yaml"))
	first, err := contract.Cases(document, contract.WithMaxCases(20))
	if err != nil {
		t.Fatal(err)
	}
	again, err := contract.Cases(document, contract.WithMaxCases(20))
	if err != nil || len(first) != 20 || len(again) != 20 {
		t.Fatalf("%d and %d cases, %v", len(first), len(again), err)
	}
	plain := 0
	for i := range first {
		if first[i].Name != again[i].Name {
			t.Errorf("%s, and then %s", first[i].Name, again[i].Name)
		}
		if strings.HasSuffix(first[i].Name, "a request without anything optional is accepted") {
			plain++
		}
	}
	if plain == 0 {
		t.Error("no plain request")
	}
}

// A run in which nothing succeeds proves nothing, and says so; it names what the URL may lack.
func TestNothingSucceeds(t *testing.T) {
	document := []byte(`openapi: 3.0.3
info: {title: t, version: 1.0}
servers: [{url: 'https://example.com/api/v1'}]
paths:
  /things/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {'200': {description: ok}, '404': {description: none}}
`)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	report, err := contract.Run(t.Context(), server.URL, contract.WithDocument("d.yaml", document))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if !report.Failed() || !strings.Contains(text.String(), "no valid request succeeded: each was answered 404 Not Found; the document's servers have the path /api/v1, and the URL has not") {
		t.Error(text.String())
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The docs list each rule as the code has it.
func TestDocsListTheRules(t *testing.T) {
	docs := string(mustRead(t, "../docs/contract.md"))
	for _, r := range contract.Rules() {
		mark := ""
		if r.Strict {
			mark = " *strict*"
		}
		if row := fmt.Sprintf("| `%s`%s | %s | %s |", r.Name, mark, r.Says, r.Source); !strings.Contains(docs, row) {
			t.Errorf("docs/contract.md lacks %s", row)
		}
	}
}

// A fixture that no parameter of its name may have is a mistake of the caller's.
func TestFixtureOfAnotherFormat(t *testing.T) {
	document := []byte("openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /a/{id}: {get: {parameters: [{name: id, in: path, required: true, schema: {type: string, format: uuid}}], responses: {'200': {description: ok}}}}\n")
	for value, right := range map[string]bool{"no-uuid": false, "550e8400-e29b-41d4-a716-446655440000": true} {
		if _, err := contract.Cases(contract.WithDocument("d.yaml", document), contract.WithFixture("id", value)); (err == nil) != right {
			t.Errorf("%s: %v", value, err)
		}
	}
}
