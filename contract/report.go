package contract

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Result is what became of a case.
type Result struct {
	Case
	// Status is that of the last answer; 0 when there was none.
	Status int
	// Violations are what is wrong; none when the case passed.
	Violations []Violation
	// Known are those that [WithKnown] names.
	Known []Violation
	// Skipped says why the case was not tried; empty when it was.
	Skipped string
	// Curl is a command that sends the failing request, without the password.
	Curl     string
	Duration time.Duration
}

// Failed tells whether something is wrong.
func (r Result) Failed() bool { return len(r.Violations) > 0 }

// Report is what became of a run.
type Report struct {
	// URL is the server's address, Document the document's name.
	URL, Document string
	Seed          uint64
	Results       []Result
	// Gone are the defects of [WithKnown] that were not met.
	Gone     []Known
	Requests int
	Duration time.Duration
}

// Failed tells whether any case failed.
func (r *Report) Failed() bool {
	_, failed, _ := r.Count()
	return failed > 0
}

// Count counts the cases by what became of them.
func (r *Report) Count() (passed, failed, skipped int) {
	for _, result := range r.Results {
		switch {
		case result.Failed():
			failed++
		case result.Skipped != "":
			skipped++
		default:
			passed++
		}
	}
	return passed, failed, skipped
}

// Summary gives the counts, the duration and the seed in one line.
func (r *Report) Summary() string {
	passed, failed, skipped := r.Count()
	text := fmt.Sprintf("%d cases passed, %d failed", passed, failed)
	if skipped > 0 {
		text += fmt.Sprintf(", %d skipped", skipped)
	}
	seconds := max(r.Duration.Seconds(), 0.001)
	return fmt.Sprintf("%s: %d requests in %.1f s, %.0f cases/s (seed %d)", text, r.Requests, seconds, float64(len(r.Results))/seconds, r.Seed)
}

// shownCases is how many more cases of a defect WriteText names.
const shownCases = 5

// defect is one cause, with the first case that found it.
type defect struct {
	// cause is what cases have in common that fail because of it.
	cause     string
	first     Result
	violation Violation
	// rule is what is broken, with its line.
	rule   string
	others []string
}

// defects groups what failed by what is broken: the rule, or for a failure of the server the operation.
func (r *Report) defects() (list []*defect) {
	known := map[string]*defect{}
	for _, result := range r.Results {
		seen := map[string]bool{}
		for _, v := range result.Violations {
			cause := v.Rule
			if result.Status >= http.StatusInternalServerError {
				cause = fmt.Sprintf("%s %d", result.operation.ID, result.Status)
			}
			if seen[cause] {
				continue
			}
			seen[cause] = true
			if found, ok := known[cause]; ok {
				found.others = append(found.others, result.Name)
				continue
			}
			known[cause] = &defect{cause: cause, first: result, violation: v, rule: v.In(r.Document)}
			list = append(list, known[cause])
		}
	}
	return list
}

// String is the defect in a few lines, its sentence first.
func (d *defect) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n      case: %s\n      rule: %s\n      try:  %s\n", d.violation.Message, d.first.Name, d.rule, d.first.Curl)
	for i, name := range d.others {
		if i == shownCases {
			fmt.Fprintf(&text, "      and %d more\n", len(d.others)-i)
			break
		}
		fmt.Fprintf(&text, "      also: %s\n", name)
	}
	return text.String()
}

// WriteText writes the defects for a person: each with the first case that found it and a curl command that shows it, and then
// what was not tried.
func (r *Report) WriteText(w io.Writer) error {
	var text strings.Builder
	for _, d := range r.defects() {
		fmt.Fprintf(&text, "FAIL  %s\n", d)
	}
	r.writeKnown(&text)
	r.writeSkipped(&text)
	fmt.Fprintf(&text, "%s against %s: %s\n", r.URL, r.Document, r.Summary())
	_, err := io.WriteString(w, text.String())
	return err
}

// writeSkipped names what was not tried, a line for each reason.
func (r *Report) writeSkipped(text *strings.Builder) {
	var reasons []string
	cases := map[string][]string{}
	for _, result := range r.Results {
		if why := result.Skipped; why != "" && !result.Failed() {
			if cases[why] == nil {
				reasons = append(reasons, why)
			}
			cases[why] = append(cases[why], result.Name)
		}
	}
	for _, why := range reasons {
		more := ""
		if n := len(cases[why]) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more)", n)
		}
		fmt.Fprintf(text, "SKIP  %s\n      case: %s%s\n\n", why, cases[why][0], more)
	}
}

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(w io.Writer) error {
	type result struct {
		Case
		Outcome    string      `json:"outcome"`
		Status     int         `json:"status,omitempty"`
		Violations []Violation `json:"violations,omitempty"`
		Known      []Violation `json:"known,omitempty"`
		Skipped    string      `json:"skipped,omitempty"`
		Curl       string      `json:"curl,omitempty"`
		Seconds    float64     `json:"seconds"`
	}
	results := make([]result, len(r.Results))
	for i, one := range r.Results {
		results[i] = result{one.Case, one.outcome(), one.Status, one.Violations, one.Known, one.Skipped, one.Curl, one.Duration.Seconds()}
	}
	passed, failed, skipped := r.Count()
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(map[string]any{
		"url": r.URL, "document": r.Document, "seed": r.Seed, "seconds": r.Duration.Seconds(), "requests": r.Requests,
		"passed": passed, "failed": failed, "skipped": skipped, "gone": append([]Known{}, r.Gone...), "results": results,
	})
}

func (r Result) outcome() string {
	switch {
	case r.Failed():
		return "failed"
	case r.Skipped != "":
		return "skipped"
	}
	return "passed"
}
