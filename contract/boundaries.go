package contract

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/sample"
)

// edge is a value at or beyond the edge of what a schema allows. Whether it is allowed, the rule decides.
type edge struct {
	value string
	// what says what it is; keyword and bound are those of the schema that it comes from.
	what, keyword, bound string
	// spelling tells that it is another spelling of a number, which only a document that wants the canonical one refuses.
	spelling bool
}

// maxListed is how many values of an enum are sent.
const maxListed = 50

// boundaries lists the values worth trying.
func boundaries(r rule.Rule) []edge {
	var list []edge
	for i, value := range r.Enum {
		if i == maxListed {
			break
		}
		list = append(list, edge{value, "which is listed", "enum", "", false})
	}
	if len(r.Enum) > 0 {
		list = append(list, edge{r.Enum[0] + "x", "which is not listed", "enum", "", false}, edge{sample.SwapCase(r.Enum[0]), "in other letters than listed", "enum", "", false})
	}
	switch r.Type {
	case "integer", "number":
		list = append(list, numberEdges(r)...)
	case "boolean":
		for _, value := range []string{"true", "false", "TRUE", "yes", "1", "0", "", "truex"} {
			list = append(list, edge{value, "for a boolean", "type", "boolean", false})
		}
	case "string":
		if len(r.Enum) == 0 {
			list = append(list, stringEdges(r)...)
		}
	}
	return list
}

// numberEdges are the bounds, one beyond them, and everything that looks like a number and is none.
func numberEdges(r rule.Rule) []edge {
	var list []edge
	step := func(bound string, by int64) string {
		n, ok := new(big.Rat).SetString(bound)
		if !ok {
			return bound
		}
		return decimal(n.Add(n, big.NewRat(by, 1)))
	}
	if r.Minimum != "" {
		list = append(list,
			edge{r.Minimum, "its minimum", "minimum", r.Minimum, false},
			edge{step(r.Minimum, -1), "one below its minimum", "minimum", r.Minimum, false},
			edge{step(r.Minimum, 1), "one above its minimum", "minimum", r.Minimum, false},
			edge{step(r.Minimum, -1_000_000), "far below its minimum", "minimum", r.Minimum, false})
	}
	if r.Maximum != "" {
		list = append(list,
			edge{r.Maximum, "its maximum", "maximum", r.Maximum, false},
			edge{step(r.Maximum, 1), "one above its maximum", "maximum", r.Maximum, false},
			edge{step(r.Maximum, -1), "one below its maximum", "maximum", r.Maximum, false},
			edge{step(r.Maximum, 1_000_000), "far above its maximum", "maximum", r.Maximum, false},
			// What an integer of 8, 16, 32 or 64 bits makes 44 of, or loses.
			edge{step("44", 1<<32), "which wraps in 32 bits", "maximum", r.Maximum, false},
			edge{"18446744073709551660", "which wraps in 64 bits", "maximum", r.Maximum, false},
			edge{strings.Repeat("9", 30), "a huge number", "maximum", r.Maximum, false})
	}
	// Around what one byte holds.
	for _, n := range []string{"127", "128", "255", "256"} {
		if r.Allows(n) {
			list = append(list, edge{n, "between its bounds", "type", r.Type, false})
		}
	}
	inside := r.Minimum
	if inside == "" {
		inside = "1"
	}
	if n := step(inside, 10); r.Allows(n) {
		inside = n
	}
	forms := []struct{ value, what string }{
		{"", "without a value"}, {"abc", "no number"}, {inside + "abc", "a number with letters after it"}, {"abc" + inside, "a number with letters before it"},
		{inside + " ", "with a space after it"}, {" " + inside, "with a space before it"}, {inside + "\n", "with a line feed after it"}, {inside + "\x00", "with a null byte after it"},
		{inside + "\t", "with a tab after it"}, {inside + "\r\n", "with a line break after it"}, {inside + "\u00a0", "with a no-break space after it"}, {inside + "s", "with a unit"}, {inside + "%", "in percent"},
		{"0x10", "in hexadecimal"}, {"0X10", "in hexadecimal"}, {"0b1", "in binary"}, {"0o7", "in octal"}, {"undefined", "undefined"}, {"1_0", "with an underscore"}, {"1,0", "with a comma"}, {"NaN", "no number"}, {"Infinity", "infinite"}, {"null", "null"}, {"true", "a boolean"},
		{"\"" + inside + "\"", "in quotes"}, {"[" + inside + "]", "in brackets"}, {"{}", "an object"}, {"٣", "an Arabic digit"}, {"１", "a wide digit"}, {"--1", "two signs"}, {"-", "a sign alone"},
	}
	if r.Type == "integer" {
		forms = append(forms, []struct{ value, what string }{
			{inside + ".0", "with a fraction of zero"}, {inside + ".5", "with a fraction"}, {"1e2", "with an exponent"}, {"1E2", "with an exponent"}, {inside + ".", "with a point"}, {".5", "a fraction"},
		}...)
	}
	for _, f := range []struct{ value, what string }{
		{"+" + strings.TrimPrefix(inside, "-"), "with a plus sign"}, {"0" + inside, "with a leading zero"}, {"00" + inside, "with two leading zeros"}, {"00", "two zeros"}, {"000", "three zeros"}, {"-0", "minus zero"}, {"+0", "plus zero"},
	} {
		list = append(list, edge{f.value, f.what, openapi.CanonicalForm, r.Type, true})
	}
	for _, f := range forms {
		list = append(list, edge{f.value, f.what, "type", r.Type, false})
	}
	return list
}

// between is an underscore between digits.
var between = regexp.MustCompile(`([0-9])_([0-9])`)

// spelled tells whether a text is another spelling of a number that a rule allows: with blanks around it, a plus sign, zeros
// before it, an exponent, underscores between its digits, in binary, octal or hexadecimal, in digits of another script. Where the document does not say how texts are read, a server may read it.
func spelled(r rule.Rule, text string) bool {
	if r.Type != "integer" && r.Type != "number" || r.Allows(text) {
		return false
	}
	digits := strings.Map(func(c rune) rune {
		if c < unicode.MaxASCII || !unicode.IsDigit(c) {
			return c
		}
		// Each script has its ten digits one after the other.
		value := rune('0')
		for unicode.IsDigit(c-(value-'0')-1) && value < '9' {
			value++
		}
		return value
	}, between.ReplaceAllString(strings.TrimFunc(text, func(c rune) bool { return unicode.IsSpace(c) || c == '\ufeff' }), "$1$2"))
	n, ok := new(big.Rat).SetString(strings.TrimSuffix(digits, "."))
	return ok && !strings.Contains(digits, "/") && len(digits) < 40 && r.Allows(decimal(n))
}

// hostile are texts that programs take for something else, or that somebody sends on purpose.
var hostile = []struct{ value, what string }{
	{"01234567", "digits alone, with a leading zero"}, {"12345678901234567890", "more digits than an integer holds"}, {"abcdefgh", "letters alone"}, {"undefined", "undefined"}, {"null-null", "null"},
	{"550e8400-E29B-41d4-a716-446655440000", "a UUID in letters of both cases"}, {"1e100000000", "a number with an exponent"}, {"--------", "dashes alone"}, {"a+b+c+d+e", "with plus signs"},
	{"~~~~~~~~", "tildes alone"}, {"..%2f..%2f", "with an escaped way up"}, {"<script>alert(1)</script>", "a script"}, {"' OR '1'='1", "a condition of SQL"}, {"${7*7}abcd", "an expression"},
}

// stringEdges are the lengths and one beyond them, and what a pattern must refuse.
func stringEdges(r rule.Rule) []edge {
	list := lengthEdges(r)
	if r.Pattern != nil {
		list = append(list, patternEdges(r)...)
	}
	return list
}

// valid is a string of some length that keeps a rule; empty for none.
func valid(r rule.Rule, n int) string {
	value, _ := stringOf(r, n, 0)
	return value
}

func lengthEdges(r rule.Rule) (list []edge) {
	add := func(value, what, keyword string, bound int) {
		list = append(list, edge{value, what, keyword, strconv.Itoa(bound), false})
	}
	if value := valid(r, r.MinLength); r.MinLength > 0 && value != "" {
		add(value, "as short as it may be", "minLength", r.MinLength)
		add(value[:len(value)-1], "one character too short", "minLength", r.MinLength)
	}
	value := valid(r, r.MaxLength)
	if r.MaxLength == 0 || value == "" {
		return list
	}
	if r.MaxLength != r.MinLength {
		add(value, "as long as it may be", "maxLength", r.MaxLength)
		// What cuts it takes these for one.
		for n := 1; n <= min(3, len(value)); n++ {
			if other := value[:len(value)-n] + next(value[len(value)-n]) + value[len(value)-n+1:]; r.Allows(other) {
				add(other, fmt.Sprintf("as long as it may be, with another character %d from its end", n), "maxLength", r.MaxLength)
			}
		}
	}
	add(value+value[len(value)-1:], "one character too long", "maxLength", r.MaxLength)
	return list
}

func patternEdges(r rule.Rule) (list []edge) {
	add := func(value, what string) {
		list = append(list, edge{value, what, "pattern", r.Pattern.String(), false})
	}
	n := max(r.MinLength, 12)
	if r.MaxLength > 0 {
		n = min(n, r.MaxLength)
	}
	value := valid(r, n)
	if value == "" {
		value = valid(r, -1)
	}
	if value == "" {
		return list
	}
	half := len(value) / 2
	for _, c := range []string{" ", "_", ".", "!", "é", "\n", "\x00", "%", "'", "<", ";", "@", "-", "g", "G", "A", "٣", "\u212a"} {
		name := fmt.Sprintf("%q", c)
		add(value[:half]+c+value[half+1:], "with "+name+" inside")
		add(value[:len(value)-1]+c, "with "+name+" at its end")
		add(c+value[1:], "with "+name+" at its start")
		add(value+c, "with "+name+" after it")
		add(c+value, "with "+name+" before it")
	}
	for _, text := range hostile {
		if text.value != value {
			add(text.value, text.what)
		}
	}
	add(value, "of its pattern")
	add(value[:half]+"-"+value[half:], "with a dash more")
	add(value[:half]+"--"+value[min(len(value), half+2):], "with two dashes")
	add(sample.SwapCase(value), "in other letters")
	add(strings.ToUpper(value), "in upper case")
	add(strings.ToLower(value), "in lower case")
	for i := range min(len(value), 3) {
		add(value[:i]+next(value[i])+value[i+1:], fmt.Sprintf("with another character at %d", i+1))
		add(value[:i]+sample.SwapCase(value[i:i+1])+value[i+1:], fmt.Sprintf("with character %d in the other case", i+1))
	}
	if half > 0 {
		add(value[:half]+"/"+value[half+1:], "with an escaped slash")
	}
	return list
}

// next is another letter or digit.
func next(c byte) string {
	if c == 'z' || c == 'Z' || c == '9' {
		return string(c - 1)
	}
	return string(c + 1)
}
