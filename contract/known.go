package contract

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/nudgehq/nudge/internal/strictyaml"
)

// Known is a defect that somebody has looked at, and that does not fail a run.
type Known struct {
	// Rule is the rule that is broken, as a report has it; the line in it may be another one.
	Rule string `yaml:"rule" json:"rule"`
	// Message is a regular expression that what is said must match; empty matches all.
	Message string `yaml:"message" json:"message,omitempty"`
	// Reason says why it is known, for whoever reads the file.
	Reason string `yaml:"reason" json:"reason"`

	message *regexp.Regexp
	met     bool
}

// WithKnown takes a reviewed list of defects, as YAML under the key known: these are counted apart and fail nothing, new ones do,
// and those that are gone are told.
func WithKnown(data []byte) Option {
	return func(s *settings) error {
		var file struct {
			Known []*Known `yaml:"known"`
		}
		if err := strictyaml.Decode(data, &file); err != nil {
			return fmt.Errorf("the known defects: %w", err)
		}
		for i, k := range file.Known {
			if k == nil || k.Rule == "" || k.Reason == "" {
				return fmt.Errorf("the known defects: known[%d] must have a rule and a reason", i)
			}
			var err error
			if k.message, err = regexp.Compile(k.Message); err != nil {
				return fmt.Errorf("the known defects: known[%d].message: %w", i, err)
			}
		}
		s.known = file.Known
		return nil
	}
}

// lineOf is the line within a rule.
var lineOf = regexp.MustCompile(`:\d+\b`)

// bare is a rule without the line, and without the name of the document, which may be another on another day.
func (s *settings) bare(rule string) string {
	if rest, is := strings.CutPrefix(rule, s.documentName); is {
		rule = "document" + rest
	}
	return documentOf.ReplaceAllString(lineOf.ReplaceAllString(rule, ""), "")
}

// documentOf is the name of a document that a rule begins with.
var documentOf = regexp.MustCompile(`^(document|\S+\.(ya?ml|json))(#\S*)? `)

// setKnownApart moves the violations that are known out of a result.
func (s *settings) setKnownApart(result *Result) {
	var fresh []Violation
	for _, v := range result.Violations {
		known := false
		for _, k := range s.known {
			if s.bare(k.Rule) == s.bare(v.Rule) && k.message.MatchString(v.Message) {
				known, k.met = true, true
			}
		}
		if known {
			result.Known = append(result.Known, v)
		} else {
			fresh = append(fresh, v)
		}
	}
	result.Violations = fresh
}

// gone lists the known defects that were not met.
func (s *settings) gone() (list []Known) {
	for _, k := range s.known {
		if !k.met {
			list = append(list, *k)
		}
	}
	return list
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// writeKnown tells of the known defects.
func (r *Report) writeKnown(text *strings.Builder) {
	n := 0
	for _, result := range r.Results {
		if len(result.Known) > 0 {
			n++
		}
	}
	if n > 0 {
		fmt.Fprintf(text, "KNOWN defects break %s\n\n", counted(n, "case"))
	}
	for _, k := range r.Gone {
		fmt.Fprintf(text, "GONE  %s %s\n      it is known, and was not met: take it out of the list\n\n", k.Rule, k.Message)
	}
}
