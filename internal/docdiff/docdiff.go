// Package docdiff says what changed from one version of an OpenAPI document to the next, and what of it breaks whom.
//
// A change breaks callers on the wire when a request that was valid is refused, or an answer that could not come before can
// come; it is a warning when neither is so and a caller may have to act all the same. oasdiff finds these, refined by
// checks of our own. What changes for Go users of the generated code is found by package gocode.
package docdiff

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"

	"github.com/nudgehq/nudge/internal/openapi"
)

// Severity is what a change does to those who use the older version.
type Severity int

// The severities, the least first.
const (
	// Info is a change that nobody has to act on.
	Info Severity = iota
	// Warning is a change that may break some callers.
	Warning
	// Breaking is a change that breaks callers.
	Breaking
)

// String names the severity.
func (s Severity) String() string { return [...]string{"info", "warning", "breaking"}[s] }

// MarshalText names the severity.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Audience is whom a change concerns.
type Audience string

// The audiences.
const (
	// Wire is everybody who speaks to the service, in whatever language.
	Wire Audience = "wire"
	// GoAPI is whoever uses the Go code that is generated from the document.
	GoAPI Audience = "go"
)

// Change is one thing that changed.
type Change struct {
	Audience Audience `json:"audience"`
	// Rule is the kind of change, such as request-property-max-decreased.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Text says what changed; Comment, which may be empty, why that matters.
	Text    string `json:"text"`
	Comment string `json:"comment,omitempty"`
	// More are changes of the same kind at the same line: for other answers, or of other Go names.
	More []string `json:"more,omitempty"`
	// Operation is the method and the path that it concerns; empty for the whole document.
	Operation string `json:"operation,omitempty"`
	// Line is where it stands in the newer document, or where it stood in the older one when it is gone; 0 if that is
	// not known.
	Line int `json:"line,omitempty"`
	// Gone tells that Line is one of the older document.
	Gone bool `json:"gone,omitempty"`
}

// Compare lists what changed for callers on the wire, the most severe first; [Group] shortens the list.
func Compare(older, newer Document) ([]Change, error) {
	before, after, err := loadBoth(older, newer)
	if err != nil {
		return nil, err
	}
	wire, err := wireChanges(before, after)
	return Sorted(wire), err
}

func wireChanges(before, after *loaded) ([]Change, error) {
	if err := normalize(before, after); err != nil {
		return nil, err
	}
	list := alignPaths(before.spec, after.spec)
	alignNames(before.spec, after.spec)
	config := diff.NewConfig()
	config.IncludePathParams = true
	report, sources, err := diff.GetWithOperationsSourcesMap(config, before.info(), after.info())
	if err != nil {
		return nil, fmt.Errorf("comparing the documents: %w", err)
	}
	localize := checker.NewDefaultLocalizer()
	for _, found := range checker.CheckBackwardCompatibilityUntilLevel(checker.NewConfig(checker.GetAllChecks(), checker.WithStabilityLevel("draft")), report, sources, checker.INFO) {
		if id := found.GetId(); id == "api-version-not-bumped" || strings.Contains(id, "sunset-parse") {
			// It is for whoever releases, and speaks of no place in the document; or of a date that nobody has to act on.
			continue
		}
		change := Change{
			Audience: Wire, Rule: found.GetId(), Severity: severities[found.GetLevel()],
			Text: plainNumbers(found.GetUncolorizedText(localize)), Comment: found.GetComment(localize),
		}
		if found.GetPath() != "" {
			change.Operation = found.GetOperation() + " " + found.GetPath()
		}
		if at := found.GetRevisionSource(); at != nil && at.Line > 0 {
			change.Line = at.Line
		} else if at := found.GetBaseSource(); at != nil && at.Line > 0 {
			change.Line, change.Gone = at.Line, true
		}
		if item := after.spec.Paths.Value(found.GetPath()); change.Line == 0 && item != nil && item.GetOperation(found.GetOperation()) != nil {
			// Of what was merged from several places, the operation is where it is met.
			change.Line = openapi.Line(item.GetOperation(found.GetOperation()).Origin)
		}
		change.adjust(found, before.spec, after.spec)
		if leftOut(change) {
			continue
		}
		list = append(list, change)
	}
	list = append(withoutMovedBounds(list), check(before.spec, after.spec)...)
	return append(list, unclassified(before.spec, after.spec, list)...), nil
}

// leftOut tells whether a change is one of those that oasdiff judges the wrong way round, and that are tried with values instead:
// what may not be, the first items of a list, and an enum that a part of a parameter gets. A media type of a text is a note.
func leftOut(c Change) bool {
	return strings.Contains(c.Text, "/not/") || strings.HasPrefix(c.Rule, "request-parameter-property-enum-value") || strings.Contains(c.Rule, "-content-media-type-") || strings.Contains(c.Rule, "prefix-items")
}

// movedBound is a bound that one keyword lost, or got.
var movedBound = regexp.MustCompile(`-(exclusive-)?(min|max)-(set|unset)$`)

// withoutMovedBounds leaves out the bounds that moved from one keyword to the other, which oasdiff takes for two changes: values tell
// what it means.
func withoutMovedBounds(list []Change) []Change {
	moved := map[string]map[string]bool{}
	key := func(c Change) (key, kind string) {
		m := movedBound.FindStringSubmatch(c.Rule)
		if m == nil {
			return "", ""
		}
		return c.Operation + " " + m[2], m[1] + m[3]
	}
	for _, c := range list {
		if k, kind := key(c); k != "" {
			if moved[k] == nil {
				moved[k] = map[string]bool{}
			}
			moved[k][kind] = true
		}
	}
	return slices.DeleteFunc(list, func(c Change) bool {
		k, _ := key(c)
		return k != "" && (moved[k]["set"] && moved[k]["exclusive-unset"] || moved[k]["unset"] && moved[k]["exclusive-set"])
	})
}

// wholeNumber is a number to which oasdiff adds two decimals; null it calls undefined.
var wholeNumber = regexp.MustCompile("(`-?[0-9]+)\\.00`")

func plainNumbers(text string) string {
	return strings.ReplaceAll(wholeNumber.ReplaceAllString(text, "$1`"), "`undefined`", "`null`")
}

// Sorted puts the most severe changes of several lists first, and otherwise keeps a fixed order.
func Sorted(lists ...[]Change) []Change {
	list := slices.Concat(lists...)
	slices.SortStableFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(len(a.Text), len(b.Text)), cmp.Compare(a.Text, b.Text))
	})
	return list
}

var severities = map[checker.Level]Severity{checker.INFO: Info, checker.WARN: Warning, checker.ERR: Breaking}
