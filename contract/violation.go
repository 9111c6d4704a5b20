package contract

import (
	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
)

// Violation is one thing that is wrong with an answer, or with a request that a proxy passes on.
type Violation struct {
	// Kind is what is wrong: status, mediaType, header, body, parameter, security, relation (between requests and their answers),
	// connection (no whole answer came) or operation (a request of none).
	Kind conform.Kind `json:"kind"`
	// Rule is what is broken: a place in the document, such as "openapi.yaml:232 Ttl maximum 300", or the standard.
	Rule string `json:"rule"`
	// Message says what is wrong. It repeats at most 200 bytes of the answer.
	Message string `json:"message"`
	// Line is where the rule stands in the document, if it does not say so itself; 0 when that is not known, or the rule is not the
	// document's.
	Line int `json:"line,omitempty"`
	// File is the one of the document's files that it stands in, seen from its folder.
	File string `json:"file,omitempty"`
	// Place is the JSON pointer of what is wrong within a body, and Keyword the keyword that it breaks, where a schema was broken.
	Place   string `json:"place,omitempty"`
	Keyword string `json:"keyword,omitempty"`
	// Got is what is there, and Want what must be, at most 200 bytes of each: "301" and "300" for a maximum. Empty where that is no
	// one thing.
	Got  string `json:"got,omitempty"`
	Want string `json:"want,omitempty"`
}

// In is the rule with its line in a document.
func (v Violation) In(document string) string {
	if v.Line == 0 {
		return v.Rule
	}
	return openapi.Position{File: v.File, Line: v.Line}.In(document) + " " + v.Rule
}

// String is the message with the rule.
func (v Violation) String() string { return v.Message + " (" + v.Rule + ")" }

// violationsOf are what the judge found.
func violationsOf(found []conform.Violation) []Violation {
	list := make([]Violation, len(found))
	for i, v := range found {
		list[i] = Violation(v)
	}
	return list
}
