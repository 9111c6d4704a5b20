package contract

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
)

// attempts is how often a random value is drawn until one fits.
const attempts = 300

// maxLetters bounds the texts that are made.
const maxLetters = 70_000

var errNoValue = errors.New("no valid value could be made from its schema")

// validValue makes a value that keeps a scalar schema, or a list of one such value.
func validValue(s *openapi3.Schema) (string, error) {
	r, ok, err := openapi.Of("", "", s)
	if err != nil {
		return "", err
	}
	for _, given := range []any{s.Example, s.Default} {
		// One that its own schema does not allow is not sent.
		if text := openapi.WireForm(given); given != nil && (!ok || r.Allows(text)) {
			return text, nil
		}
	}
	if s.Items != nil {
		return validValue(s.Items.Value)
	}
	if !ok {
		return "x", nil
	}
	for _, candidate := range append(formatted(s.Format), samples(r)...) {
		if candidate != "" && r.Allows(candidate) {
			return candidate, nil
		}
	}
	return "", errNoValue
}

// formatted are values of a format.
func formatted(format string) []string {
	switch format {
	case "date-time":
		return []string{"2015-07-30T20:00:00Z"}
	case "date":
		return []string{"2015-07-30"}
	case "uuid":
		return []string{"00000000-0000-4000-8000-000000000000"}
	case "uri":
		return []string{"https://example.com/"}
	case "email":
		return []string{"a@example.com"}
	}
	return nil
}

// samples lists values that keep a rule, none twice: two or more, where there are so many. It never is empty.
func samples(r rule.Rule) []string {
	var list []string
	for _, candidate := range append(slices.Clone(r.Enum), candidates(r)...) {
		if r.Allows(candidate) && !slices.Contains(list, candidate) {
			list = append(list, candidate)
		}
	}
	if len(list) == 0 {
		return []string{"x"}
	}
	return list
}

// candidates are values of a rule's type that may keep it.
func candidates(r rule.Rule) (list []string) {
	switch r.Type {
	case "integer", "number":
		for _, n := range []int64{10, 20, 1, 0, 2} {
			list = append(list, strconv.FormatInt(n, 10))
		}
		for _, bound := range []string{r.Minimum, r.Maximum} {
			if n, ok := new(big.Rat).SetString(bound); ok {
				for _, by := range []int64{0, 1, -1} {
					list = append(list, decimal(new(big.Rat).Add(n, big.NewRat(by, 1))))
				}
			}
		}
	case "boolean":
		list = append(list, "true", "false")
	default:
		for _, n := range []int{max(r.MinLength, 1), r.MinLength + 3, -1} {
			for seed := range 2 {
				if value, ok := stringOf(r, n, seed*attempts); ok {
					list = append(list, value)
				}
			}
		}
	}
	return list
}

// invalidOf is a value that breaks a rule, as near to it as can be; empty when every value keeps it.
func invalidOf(r rule.Rule) string {
	for _, e := range append(invalidsOf(r), boundaries(r)...) {
		if e.value != "" && !r.Allows(e.value) {
			return e.value
		}
	}
	return ""
}

// invalidsOf are values that break a rule and are of its type.
func invalidsOf(r rule.Rule) []edge {
	return slices.DeleteFunc(boundaries(r), func(e edge) bool { return e.value == "" || e.spelling || e.keyword == "type" || r.Allows(e.value) })
}

// stringOf makes a value of n characters that keeps a rule; a negative n is any length.
func stringOf(r rule.Rule, n, seed int) (value string, ok bool) {
	if n > maxLetters || n >= 0 && (n < r.MinLength || r.MaxLength > 0 && n > r.MaxLength) {
		return "", false
	}
	if r.Pattern == nil {
		value = strings.Repeat(string("ab"[min(1, seed)]), max(n, 1))
		return value, r.Allows(value)
	}
	defer func() {
		// What it cannot draw, it says by a panic.
		if recover() != nil {
			value, ok = "", false
		}
	}()
	values := rapid.StringMatching(r.Pattern.String())
	for i := range attempts {
		// Most patterns repeat: a value may be lengthened by its last character, or cut.
		letters := []rune(values.Example(seed + i))
		for n >= 0 && len(letters) != n && len(letters) > 0 {
			other := letters[:len(letters)-1]
			if len(letters) < n {
				other = append(slices.Clone(letters), letters[len(letters)-1])
			}
			if !r.Pattern.MatchString(string(other)) {
				break
			}
			letters = other
		}
		if (n < 0 || len(letters) == n) && r.Allows(string(letters)) {
			return string(letters), true
		}
	}
	return "", false
}

// decimal writes a number as it stands on the wire.
func decimal(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	return strings.TrimRight(n.FloatString(6), "0")
}
