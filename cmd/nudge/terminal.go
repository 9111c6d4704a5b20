package main

import (
	"io"
	"os"
	"regexp"
	"strings"
)

// isTerminal tells whether somebody looks at it.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// isRead tells whether somebody looks at the output, who wants text instead of JSON.
func (o output) isRead() bool {
	switch w := o.stdout.(type) {
	case *os.File:
		return isTerminal(w)
	case interface{ IsTerminal() bool }:
		return w.IsTerminal()
	}
	return false
}

// coloured is a writer of reports with colours where it is a terminal, unless NO_COLOR is set (https://no-color.org) or the
// terminal has none.
func coloured(w io.Writer) io.Writer {
	if file, ok := w.(*os.File); !ok || !isTerminal(file) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return w
	}
	return colours{w}
}

// colours puts colours on the words that lines of a report begin with. A report is written at once.
type colours struct{ io.Writer }

var (
	firstWords = regexp.MustCompile(`(?m)^(?:FAILED  |(?:FAIL|SKIP|KNOWN|GONE|DELIVERED|ACKNOWLEDGED|EXPIRED|CREATED|PENDING|ATTEMPTED|ARRIVED)\b)`)
	codes      = map[string]string{
		"FAIL": "31", "FAILED": "31", "SKIP": "33", "EXPIRED": "33", "KNOWN": "36", "GONE": "36", "CREATED": "36", "PENDING": "36", "ATTEMPTED": "36", "ARRIVED": "36",
		"DELIVERED": "32", "ACKNOWLEDGED": "32",
	}
)

func (c colours) Write(p []byte) (int, error) {
	text := firstWords.ReplaceAllStringFunc(string(p), func(word string) string { return "\x1b[1;" + codes[strings.TrimSpace(word)] + "m" + word + "\x1b[0m" })
	if _, err := io.WriteString(c.Writer, text); err != nil {
		return 0, err
	}
	return len(p), nil
}
