// Package shell writes words as a POSIX shell reads them.
package shell

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Word is one word: as it is when nothing in it is special, else quoted.
func Word(text string) string {
	special := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./:=@%+,", r)
	}
	if text != "" && !strings.ContainsFunc(text, special) {
		return text
	}
	return Quote(text)
}

// Lines is one word whose lines stay lines, for programs that people read.
func Lines(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (!unicode.IsPrint(r) || r == utf8.RuneError) }) || !strings.Contains(text, "\n") {
		return Word(text)
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Quote is one word in quotes. What cannot be printed is escaped as bash reads it.
func Quote(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '\'' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return "$'" + b.String() + "'"
}
