// Package rule holds what the document says of one scalar value, and judges the value as it stands on the wire.
//
// The client's rules are generated from the document into Go literals of [Rule]; the server makes its own from the
// document at the start (package openapi). This package imports the standard library only, so that an importer of the
// client pulls in nothing else.
package rule

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Rule is what is allowed for one parameter or form field.
type Rule struct {
	// In is where the value stands: path, query, header, cookie or body.
	In string
	// Name is the parameter's or the field's name.
	Name string
	// Type is the JSON Schema type: string, integer, number or boolean.
	Type string
	// Minimum and Maximum bound a number, in decimal; empty means no bound.
	Minimum, Maximum string
	// ExclusiveMinimum and ExclusiveMaximum tell that the bound itself is not allowed.
	ExclusiveMinimum, ExclusiveMaximum bool
	// MinLength and MaxLength bound a string, in characters; a MaxLength of 0 means no bound.
	MinLength, MaxLength int
	// Pattern is matched by a string; nil means any.
	Pattern *regexp.Regexp
	// Enum lists the only allowed values; empty means any.
	Enum []string
}

// Prefix is what each allowed value begins with, as far as the pattern says so: VA for ^VA[0-9a-f]+$.
func (r Rule) Prefix() string {
	if r.Pattern == nil {
		return ""
	}
	anchored, ok := strings.CutPrefix(r.Pattern.String(), "^")
	rest, err := regexp.Compile(anchored)
	if !ok || err != nil {
		return ""
	}
	prefix, _ := rest.LiteralPrefix()
	return prefix
}

var (
	integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	number  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
)

// maxDigits bounds the length of a number on the wire, in bytes. Longer ones are refused before any arithmetic.
const maxDigits = 32

// Canonical tells whether value is written in the one form that the rule's type has on the wire: an integer without
// sign "+", leading zeros, fraction or exponent; a boolean as true or false. Any string is canonical.
func (r Rule) Canonical(value string) bool {
	switch r.Type {
	case "integer":
		return len(value) <= maxDigits && integer.MatchString(value)
	case "number":
		return len(value) <= maxDigits && number.MatchString(value)
	case "boolean":
		return value == "true" || value == "false"
	default:
		return true
	}
}

// Allows tells whether value, as it stands on the wire, keeps the rule.
func (r Rule) Allows(value string) bool {
	if !r.Canonical(value) {
		return false
	}
	if len(r.Enum) > 0 && !slices.Contains(r.Enum, value) {
		return false
	}
	switch r.Type {
	case "integer", "number":
		return r.bounds(value)
	case "boolean":
		return true
	default:
		n := utf8.RuneCountInString(value)
		return n >= r.MinLength && (r.MaxLength == 0 || n <= r.MaxLength) && (r.Pattern == nil || r.Pattern.MatchString(value))
	}
}

func (r Rule) bounds(value string) bool {
	n, ok := new(big.Rat).SetString(value)
	if !ok {
		return false
	}
	above, onMinimum := compare(n, r.Minimum, 1)
	below, onMaximum := compare(n, r.Maximum, -1)
	return (above || onMinimum && !r.ExclusiveMinimum) && (below || onMaximum && !r.ExclusiveMaximum)
}

// compare tells whether n is on the wanted side of a bound, 1 above and -1 below, or on it. No bound is kept by any n.
func compare(n *big.Rat, bound string, side int) (beyond, on bool) {
	limit, ok := new(big.Rat).SetString(bound)
	if !ok {
		return true, true
	}
	c := n.Cmp(limit)
	return c == side, c == 0
}

// String says what is allowed, to complete "must be": "an integer from 0 to 300".
func (r Rule) String() string {
	if len(r.Enum) > 0 {
		return "one of " + strings.Join(r.Enum, ", ")
	}
	switch r.Type {
	case "integer":
		return "an integer" + r.rangeText()
	case "number":
		return "a number" + r.rangeText()
	case "boolean":
		return "true or false"
	}
	text := "a string"
	switch {
	case r.MaxLength > 0 && r.MinLength == r.MaxLength:
		text += fmt.Sprintf(" of %d characters", r.MinLength)
	case r.MaxLength > 0:
		text += fmt.Sprintf(" of %d to %d characters", r.MinLength, r.MaxLength)
	case r.MinLength > 0:
		text += fmt.Sprintf(" of at least %d characters", r.MinLength)
	}
	if r.Pattern != nil {
		text += " that matches " + r.Pattern.String()
	}
	return text
}

func (r Rule) rangeText() string {
	switch {
	case r.Minimum != "" && r.Maximum != "" && !r.ExclusiveMinimum && !r.ExclusiveMaximum:
		return fmt.Sprintf(" from %s to %s", r.Minimum, r.Maximum)
	case r.Minimum == "" && r.Maximum == "":
		return ""
	}
	var limits []string
	if r.Minimum != "" {
		limits = append(limits, choose(r.ExclusiveMinimum, "above ", "of at least ")+r.Minimum)
	}
	if r.Maximum != "" {
		limits = append(limits, choose(r.ExclusiveMaximum, "below ", "of at most ")+r.Maximum)
	}
	return " " + strings.Join(limits, " and ")
}

func choose(exclusive bool, yes, no string) string {
	if exclusive {
		return yes
	}
	return no
}
