// Package docdiff says what changed from one version of an OpenAPI document to the next, and what of it breaks callers.
package docdiff

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
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

// Change is one thing that changed.
type Change struct {
	// Rule is the kind of change, such as request-property-max-decreased.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Text says what changed; Comment, which may be empty, why that matters.
	Text    string `json:"text"`
	Comment string `json:"comment,omitempty"`
	// Operation is the method and the path that it concerns; empty for the whole document.
	Operation string `json:"operation,omitempty"`
	// Line is where it stands in the newer document, or where it stood in the older one when it is gone; 0 if that is
	// not known.
	Line int `json:"line,omitempty"`
	// Gone tells that Line is one of the older document.
	Gone bool `json:"gone,omitempty"`
}

// Wire lists what changed for callers on the wire, the most severe first.
func Wire(older, newer []byte) ([]Change, error) {
	base, err := read("older", older)
	if err != nil {
		return nil, err
	}
	revision, err := read("newer", newer)
	if err != nil {
		return nil, err
	}
	config := diff.NewConfig()
	config.IncludePathParams = true
	report, sources, err := diff.GetWithOperationsSourcesMap(config, base, revision)
	if err != nil {
		return nil, fmt.Errorf("comparing the documents: %w", err)
	}
	localize := checker.NewDefaultLocalizer()
	var list []Change
	for _, found := range checker.CheckBackwardCompatibilityUntilLevel(checker.NewConfig(checker.GetAllChecks()), report, sources, checker.INFO) {
		change := Change{
			Rule: found.GetId(), Severity: severities[found.GetLevel()],
			Text: found.GetUncolorizedText(localize), Comment: found.GetComment(localize),
		}
		if found.GetPath() != "" {
			change.Operation = found.GetOperation() + " " + found.GetPath()
		}
		if at := found.GetRevisionSource(); at != nil && at.Line > 0 {
			change.Line = at.Line
		} else if at := found.GetBaseSource(); at != nil && at.Line > 0 {
			change.Line, change.Gone = at.Line, true
		}
		list = append(list, change)
	}
	Sort(list)
	return list, nil
}

// Sort puts the most severe changes first, and otherwise keeps a fixed order.
func Sort(list []Change) {
	slices.SortStableFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text))
	})
}

var severities = map[checker.Level]Severity{checker.INFO: Info, checker.WARN: Warning, checker.ERR: Breaking}

func read(name string, document []byte) (*load.SpecInfo, error) {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true
	doc, err := loader.LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("loading the %s document: %w", name, err)
	}
	version := ""
	if doc.Info != nil {
		version = doc.Info.Version
	}
	return &load.SpecInfo{Url: name, Spec: doc, Version: version}, nil
}
