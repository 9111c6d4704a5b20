package docdiff

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

var headerInText = regexp.MustCompile("`[^`]+` response header")

// alike is a change's text without what other changes of its subject have otherwise: the status of the answer, the name of the header.
func alike(c Change) string {
	if strings.HasPrefix(c.Rule, "relation-") {
		return ""
	}
	return headerInText.ReplaceAllString(statusInText.ReplaceAllString(c.Text, ""), "response header")
}

// ID names a change by what it is about: the same after other changes came or went, and after the version got its name.
func (c Change) ID() string {
	sum := sha256.Sum256([]byte(c.Rule + "\x00" + c.Operation + "\x00" + alike(c)))
	return c.Rule + "-" + hex.EncodeToString(sum[:4])
}

// subject is what changes are folded by.
func (c Change) subject() string {
	if strings.HasPrefix(c.Rule, "relation-") {
		return c.ID() + c.Text
	}
	return c.ID() + c.Comment
}

// Fold makes one change of those of one subject: the same of every header of the answers. together tells of two whether nothing else
// keeps them apart.
func Fold(list []Change, together func(i, j int) bool) (folded []Change, from []int) {
	at := map[string]int{}
	for i, c := range list {
		k, seen := at[c.subject()]
		if !seen || folded[k].Severity != c.Severity || folded[k].Gone != c.Gone || !together(from[k], i) {
			at[c.subject()] = len(folded)
			folded, from = append(folded, c), append(from, i)
			continue
		}
		folded[k].More = append(append(folded[k].More, c.Text), c.More...)
	}
	return folded, from
}

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
