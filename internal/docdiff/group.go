package docdiff

import (
	"regexp"
	"strings"
)

var statusInText = regexp.MustCompile("(?:status|response) `[1-5][0-9][0-9]`|`[1-5][0-9][0-9]` (?:status|response)")

// Group makes one change of those that differ only in the status of an answer, or that one line made of the Go code or of
// the relations.
func Group(list []Change) []Change {
	type kind struct {
		audience          Audience
		rule, text, where string
		line              int
		gone              bool
		severity          Severity
	}
	at := map[kind]int{}
	var merged []Change
	for _, c := range list {
		k := kind{audience: c.Audience, rule: c.Rule, where: c.Operation, line: c.Line, gone: c.Gone, severity: c.Severity}
		if c.Audience == Wire && !strings.HasPrefix(c.Rule, "relation-") {
			k.text = statusInText.ReplaceAllString(c.Text, "")
		}
		i, seen := at[k]
		if !seen {
			at[k] = len(merged)
			merged = append(merged, c)
			continue
		}
		merged[i].More = append(append(merged[i].More, c.Text), c.More...)
	}
	return merged
}
