package mcp_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/documented"
)

// Questions with known answers, answered by what two calls give: a search, and the section of the first place that it finds. It reports
// how much a tool reads for them, beside the whole document for each.
func TestQuestionsAreAnswered(t *testing.T) {
	data, err := os.ReadFile("testdata/questions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var questions []struct {
		Question, Search string
		Answer           []string
	}
	if err := yaml.Unmarshal(data, &questions); err != nil {
		t.Fatal(err)
	}
	session := connectHTTP(t, build(t), withBasicAuth{})
	// The document's own bounds and prefixes may change.
	values := strings.NewReplacer("MIN", strconv.Itoa(documented.MinTTL), "MAX", strconv.Itoa(documented.MaxTTL), "DEFAULT", strconv.Itoa(documented.DefaultTTL),
		"SERVICE", documented.Prefix("ServiceSid"), "CHALLENGE", documented.Prefix("ChallengeSid"))
	read, answered := 0, 0
	for _, q := range questions {
		found := call(t, session, "search", map[string]any{"query": q.Search})
		encoded, err := json.Marshal(found.StructuredContent)
		if err != nil {
			t.Fatal(err)
		}
		var hits struct {
			Results []struct{ URL, Excerpt string }
		}
		if err := json.Unmarshal(encoded, &hits); err != nil || len(hits.Results) == 0 {
			t.Errorf("%s: %q finds nothing, %v", q.Question, q.Search, err)
			continue
		}
		said := ""
		for _, h := range hits.Results {
			said += h.Excerpt + "\n"
		}
		page := text(call(t, session, "get_pages", map[string]any{"urls": []string{hits.Results[0].URL}}))
		read += len(encoded) + len(page)
		said += page
		isAnswered := true
		for _, want := range q.Answer {
			want = values.Replace(want)
			if !strings.Contains(said, want) {
				isAnswered = false
				t.Errorf("%s: %q leads to %s, which does not say %q", q.Question, q.Search, hits.Results[0].URL, want)
			}
		}
		if isAnswered {
			answered++
		}
	}
	whole := len(nudge.OpenAPI) * len(questions)
	t.Logf("%d of %d answered, with %d bytes read; the whole document for each has %d", answered, len(questions), read, whole)
	if 5*read > whole {
		t.Errorf("%d bytes are read, more than a fifth of %d", read, whole)
	}
}
