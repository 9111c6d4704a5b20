package docdiff

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nudgehq/nudge/internal/strictyaml"
)

// Acceptance is a change that somebody has reviewed, with the reason.
type Acceptance struct {
	Rule string `yaml:"rule" json:"rule"`
	// Operation is the change's; empty for the whole document, and for Go users.
	Operation string `yaml:"operation" json:"operation,omitempty"`
	Text      string `yaml:"text" json:"text"`
	// More is how many more changes like it there are.
	More   int    `yaml:"more" json:"more,omitempty"`
	Reason string `yaml:"reason" json:"reason"`
}

// accepts tells whether a change is the one that was reviewed.
func (a Acceptance) accepts(c Change) bool {
	return a.Rule == c.Rule && a.Operation == c.Operation && a.Text == c.Text && a.More == len(c.More)
}

// Unmatched gives an acceptance that accepts none of the changes; nil where there is none.
func Unmatched(list []Acceptance, changes []Change) *Acceptance {
	for i, a := range list {
		if !slices.ContainsFunc(changes, a.accepts) {
			return &list[i]
		}
	}
	return nil
}

// ReasonFor is why a change was accepted; empty when it was not.
func ReasonFor(c Change, list []Acceptance) string {
	for _, a := range list {
		if a.accepts(c) {
			return a.Reason
		}
	}
	return ""
}

// Accept takes out the changes that are accepted.
func (r *Report) Accept(list []Acceptance) {
	used := make([]bool, len(list))
	rest := []Change{}
	for _, c := range r.Changes {
		accepted := false
		for i, a := range list {
			if a.accepts(c) {
				used[i], accepted = true, true
			}
		}
		if accepted {
			r.Accepted = append(r.Accepted, c)
		} else {
			rest = append(rest, c)
		}
	}
	r.Changes = rest
	for i, a := range list {
		if !used[i] {
			r.Unused = append(r.Unused, a)
		}
	}
}

// ReadAcceptances reads a YAML file of acceptances: a list under the key accepted.
func ReadAcceptances(data []byte) ([]Acceptance, error) {
	var file struct {
		Accepted []Acceptance `yaml:"accepted"`
	}
	if err := strictyaml.Decode(data, &file); err != nil && !errors.Is(err, strictyaml.ErrEmpty) {
		return nil, err
	}
	return file.Accepted, CheckAcceptances(file.Accepted)
}

// CheckAcceptances tells which acceptance does not say what it accepts, or why.
func CheckAcceptances(list []Acceptance) error {
	for i, a := range list {
		if a.Rule == "" || a.Text == "" || a.Reason == "" {
			return fmt.Errorf("accepted[%d] must have a rule, a text and a reason", i)
		}
	}
	return nil
}
