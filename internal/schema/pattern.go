package schema

import (
	"fmt"
	"regexp"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// patternTime bounds how long a pattern that can go back may look at one text.
const patternTime = 100 * time.Millisecond

// compilePattern compiles a pattern of ECMA 262. RE2 reads most of them, and in time that grows with the text alone.
func compilePattern(text string) (jsonschema.Regexp, error) {
	if plain, err := regexp.Compile(text); err == nil {
		return plain, nil
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

type backtracking struct{ *regexp2.Regexp }

// MatchString tells whether a text matches; one that cannot be decided in time does.
func (b backtracking) MatchString(text string) bool {
	matches, err := b.Regexp.MatchString(text)
	return err != nil || matches
}
