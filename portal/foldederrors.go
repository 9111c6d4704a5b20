package portal

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// foldedErrors writes the examples of errors that have the same fields: what can be told of another field, or of the answer, is said
// once.
type foldedErrors struct {
	// status is the field that is the answer's status, and derived those whose value ends in another's; empty for none.
	status  string
	derived map[string]derivation
	said    bool
}

// derivation says that a value is a text and another field's value.
type derivation struct{ prefix, of string }

// foldErrors looks whether the examples of all errors can be folded; nil when they cannot.
func foldErrors(responses []*Response) *foldedErrors {
	all, statuses, ok := errorExamples(responses)
	if !ok || len(all) < 2 {
		return nil
	}
	names := slices.Sorted(maps.Keys(all[0]))
	for _, fields := range all {
		if !slices.Equal(slices.Sorted(maps.Keys(fields)), names) {
			return nil
		}
	}
	f := &foldedErrors{derived: map[string]derivation{}}
	for _, name := range names {
		isStatus := true
		for i, fields := range all {
			isStatus = isStatus && fmt.Sprint(fields[name]) == statuses[i]
		}
		if isStatus {
			f.status = name
			continue
		}
		for _, of := range names {
			if prefix, ok := derives(all, name, of); ok && of != name {
				f.derived[name] = derivation{prefix, of}
			}
		}
	}
	return f
}

// errorExamples gives the examples of all errors, with their statuses; ok is false where one is no object.
func errorExamples(responses []*Response) (all []map[string]any, statuses []string, ok bool) {
	for _, r := range responses {
		if !r.IsError() {
			continue
		}
		for _, m := range r.Content {
			for _, e := range m.Examples {
				var fields map[string]any
				if json.Unmarshal([]byte(e.Value), &fields) != nil || fields == nil {
					return nil, nil, false
				}
				all, statuses = append(all, fields), append(statuses, r.Status)
			}
		}
	}
	return all, statuses, true
}

// derives tells whether a field is always the same text and another's value.
func derives(all []map[string]any, name, of string) (prefix string, ok bool) {
	for i, fields := range all {
		text, isText := fields[name].(string)
		before, found := strings.CutSuffix(text, fmt.Sprint(fields[of]))
		if !isText || !found || before == "" || i > 0 && before != prefix {
			return "", false
		}
		prefix = before
	}
	return prefix, true
}

// write writes the examples of one answer.
func (f *foldedErrors) write(b *brief, m *Media) {
	if !f.said {
		f.said = true
		var rules []string
		if f.status != "" {
			rules = append(rules, "`"+f.status+"` is the answer's status")
		}
		for _, name := range slices.Sorted(maps.Keys(f.derived)) {
			rules = append(rules, fmt.Sprintf("`%s` is %s and the `%s`", name, f.derived[name].prefix, f.derived[name].of))
		}
		if len(rules) > 0 {
			b.line("In every example of an error %s.", strings.Join(rules, ", "))
		}
	}
	for _, e := range m.Examples {
		// It could be read before.
		var fields map[string]json.RawMessage
		_ = json.Unmarshal([]byte(e.Value), &fields)
		var said []string
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if _, isDerived := f.derived[name]; isDerived || name == f.status {
				continue
			}
			said = append(said, fmt.Sprintf("%s %s", name, fields[name]))
		}
		text := "- `" + e.Name + "`"
		if e.Summary != e.Name && !strings.Contains(e.Value, e.Summary) {
			text += " " + e.Summary
		}
		b.line("%s: %s", text, strings.Join(said, ", "))
	}
}
