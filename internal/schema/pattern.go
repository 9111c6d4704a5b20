package schema

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// patternTime bounds how long a pattern that can go back may look at one text.
const patternTime = 100 * time.Millisecond

// compilePattern compiles a pattern of ECMA 262. RE2 can match most of them, and in time that grows with the text alone.
func compilePattern(text string) (jsonschema.Regexp, error) {
	if same, ok := toRE2(text); ok {
		if plain, err := regexp.Compile(same); err == nil {
			return plain, nil
		}
	}
	ecma, err := regexp2.Compile(text, regexp2.ECMAScript|regexp2.Unicode)
	if err != nil {
		if ecma, err = regexp2.Compile(text, regexp2.ECMAScript); err != nil {
			return nil, fmt.Errorf("the pattern %q cannot be read: %w", text, err)
		}
	}
	ecma.MatchTimeout = patternTime
	return backtracking{ecma}, nil
}

// What ECMA 262 reads otherwise than RE2 (sections 22.2.1 and 12.2): more characters are spaces, and a dot is no line separator.
const (
	spaces  = `\t-\r\x{20}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	anyChar = `[^\n\r\x{2028}\x{2029}]`
)

// toRE2 writes a pattern of ECMA 262 as RE2 has it; ok is false where RE2 has no words for it.
func toRE2(text string) (same string, ok bool) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			switch escaped := text[i]; {
			case escaped == 'S' && inClass:
				// What is not a space has no name within a class.
				return "", false
			case escaped == 's' && inClass:
				b.WriteString(spaces)
			case escaped == 's':
				b.WriteString("[" + spaces + "]")
			case escaped == 'S':
				b.WriteString("[^" + spaces + "]")
			default:
				b.WriteByte(c)
				b.WriteByte(escaped)
			}
		case c == '[' && inClass:
			// RE2 would read a class such as [:alpha:].
			b.WriteString(`\[`)
		case c == '[' && (strings.HasPrefix(text[i+1:], "]") || strings.HasPrefix(text[i+1:], "^]")):
			// Nothing, or anything, in ECMA's eyes.
			return "", false
		case c == '.' && !inClass:
			b.WriteString(anyChar)
		default:
			inClass = c == '[' || inClass && c != ']'
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

type backtracking struct{ *regexp2.Regexp }

// MatchString tells whether a text matches; one that cannot be decided in time does.
func (b backtracking) MatchString(text string) bool {
	matches, err := b.Regexp.MatchString(text)
	return err != nil || matches
}
