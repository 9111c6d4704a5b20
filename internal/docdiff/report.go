package docdiff

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Report is what changed, ready to be shown.
type Report struct {
	// Old and New name the documents.
	Old     string   `json:"old"`
	New     string   `json:"new"`
	Changes []Change `json:"changes"`
	// Accepted are the changes that a reviewed file accepts; they are not in Changes.
	Accepted []Change `json:"accepted"`
	// Unused are the acceptances that match no change.
	Unused []Acceptance `json:"unused"`
}

// Worst is the severity of the most severe change; ok is false when nothing changed.
func (r *Report) Worst() (worst Severity, ok bool) {
	for _, c := range r.Changes {
		worst, ok = max(worst, c.Severity), true
	}
	return worst, ok
}

// Summary counts the changes: "1 breaking, 2 warning, 0 info".
func (r *Report) Summary() string {
	var counts [Breaking + 1]int
	for _, c := range r.Changes {
		counts[c.Severity]++
	}
	text := fmt.Sprintf("%d breaking, %d warning, %d info", counts[Breaking], counts[Warning], counts[Info])
	if len(r.Accepted) > 0 {
		text += fmt.Sprintf("; %d accepted", len(r.Accepted))
	}
	return text
}

// where names the place of a change.
func (r *Report) where(c Change) string {
	name := r.New
	if c.Gone {
		name = r.Old
	}
	if c.Line == 0 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, c.Line)
}

// Concerns says whom a change concerns: "callers of POST /things", "callers" or "Go users".
func (c Change) Concerns() string {
	switch {
	case c.Audience == GoAPI:
		return "Go users"
	case c.Operation != "":
		return "callers of " + c.Operation
	}
	return "callers"
}

// WriteText writes how many changes there are and for whom, and then a line a change, as compilers do. What one line of a document
// changes in several operations is told once.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Summary())
	r.writeOperations(&b)
	shown, operations := map[change]bool{}, r.operations()
	for _, c := range r.Changes {
		k := keyOf(c)
		if shown[k] {
			continue
		}
		shown[k] = k.line > 0
		others := ""
		if n := operations[k] - 1; n > 0 && k.line > 0 {
			others = fmt.Sprintf(" and %d more operations", n)
		}
		fmt.Fprintf(&b, "%s: %s for %s%s: %s%s [%s]\n", r.where(c), c.Severity, c.Concerns(), others, c.Text, c.tail(), c.Rule)
		for _, more := range c.shownMore() {
			fmt.Fprintf(&b, "\t%s\n", more)
		}
	}
	for _, a := range r.Unused {
		fmt.Fprintf(&b, "accepted, but it is not there: %s [%s]\n", a.Text, a.Rule)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// change is what the changes of one line of a document have in common.
type change struct {
	audience Audience
	rule     string
	line     int
	gone     bool
	severity Severity
}

func keyOf(c Change) change { return change{c.Audience, c.Rule, c.Line, c.Gone, c.Severity} }

// operations counts the operations that a line of a document changes in one way.
func (r *Report) operations() map[change]int {
	names := map[change]map[string]bool{}
	counts := map[change]int{}
	for _, c := range r.Changes {
		k := keyOf(c)
		if names[k] == nil {
			names[k] = map[string]bool{}
		}
		names[k][c.Operation] = true
		counts[k] = len(names[k])
	}
	return counts
}

// maxOperations is how many operations the text counts changes for.
const maxOperations = 20

// writeOperations counts the changes that concern callers of each operation, where there are several such operations.
func (r *Report) writeOperations(b *strings.Builder) {
	counts := map[string]*[Breaking + 1]int{}
	var names []string
	for _, c := range r.Changes {
		if c.Operation == "" || c.Severity == Info {
			continue
		}
		if counts[c.Operation] == nil {
			counts[c.Operation] = &[Breaking + 1]int{}
			names = append(names, c.Operation)
		}
		counts[c.Operation][c.Severity]++
	}
	if len(names) < 2 {
		return
	}
	for i, name := range names {
		if i == maxOperations {
			fmt.Fprintf(b, "  and %d more operations\n", len(names)-i)
			break
		}
		fmt.Fprintf(b, "  %s: %d breaking, %d warning\n", name, counts[name][Breaking], counts[name][Warning])
	}
}

// tail is what else there is to say of a change.
func (c Change) tail() string {
	text := ""
	if n := len(c.More); n > 0 {
		text += fmt.Sprintf(" (and %d more like it)", n)
	}
	if c.Comment != "" {
		text += "; " + c.Comment
	}
	return text
}

// maxMore is how many of the changes like one the text shows.
const maxMore = 5

func (c Change) shownMore() []string {
	switch {
	case c.Audience == Wire && len(c.More) > 0 && statusInText.ReplaceAllString(c.More[0], "") == statusInText.ReplaceAllString(c.Text, ""):
		// The same for other answers.
		return nil
	case len(c.More) <= maxMore:
		return c.More
	}
	return append(slices.Clone(c.More[:maxMore]), "…")
}

// cell makes a text one cell of a table, in which nothing is markup but code.
var cell = strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ")

// WriteMarkdown writes a table, as a comment on a change of the document.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### What changes from `%s` to `%s`\n\n", r.Old, r.New)
	if len(r.Changes) == 0 {
		b.WriteString("Nothing, for callers or for Go users")
		if n := len(r.Accepted); n > 0 {
			fmt.Fprintf(&b, ", but for %d changes that are accepted", n)
		}
		b.WriteString(".\n")
	} else {
		fmt.Fprintf(&b, "%s\n\n| | for | what | where |\n|---|---|---|---|\n", r.Summary())
		for _, c := range r.Changes {
			mark := map[Severity]string{Breaking: "**breaking**", Warning: "warning", Info: "info"}[c.Severity]
			fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", mark, c.Concerns(), cell.Replace(c.Text+c.tail())+" `"+c.Rule+"`", r.where(c))
		}
	}
	for _, a := range r.Unused {
		fmt.Fprintf(&b, "\nAccepted, but it is not there: %s (`%s`)\n", a.Text, a.Rule)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes all that is known.
func (r *Report) WriteJSON(w io.Writer) error {
	// Programs want lists.
	report := *r
	report.Changes, report.Accepted, report.Unused = append([]Change{}, r.Changes...), append([]Change{}, r.Accepted...), append([]Acceptance{}, r.Unused...)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
