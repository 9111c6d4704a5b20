package rule_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/internal/rule"
)

func TestAllows(t *testing.T) {
	ttl := rule.Rule{Type: "integer", Minimum: "0", Maximum: "300"}
	open := rule.Rule{Type: "integer", Minimum: "0", Maximum: "300", ExclusiveMinimum: true, ExclusiveMaximum: true}
	price := rule.Rule{Type: "number", Minimum: "-0.5"}
	name := rule.Rule{Type: "string", MinLength: 2, MaxLength: 3, Pattern: regexp.MustCompile(`^[aé]*$`)}
	for _, c := range []struct {
		rule    rule.Rule
		allowed string
		refused string
		text    string
	}{
		{rule: ttl, allowed: "0 1 299 300", refused: "-1 301 -0 +1 01 1.0 1e2 0x1 1_0 abc " + strings.Repeat("1", 400), text: "an integer from 0 to 300"},
		{rule: open, allowed: "1 299", refused: "0 300", text: "an integer above 0 and below 300"},
		{rule: price, allowed: "-0.5 0 1.25 99999", refused: "-0.51 1. .5 1e3 NaN Inf 01", text: "a number of at least -0.5"},
		{rule: rule.Rule{Type: "integer", Maximum: "9"}, allowed: "-12 9", refused: "10", text: "an integer of at most 9"},
		{rule: rule.Rule{Type: "integer"}, allowed: "0 -7", refused: "x", text: "an integer"},
		{rule: name, allowed: "aé aéa", refused: "a aaaa ab", text: "a string of 2 to 3 characters that matches ^[aé]*$"},
		{rule: rule.Rule{Type: "string", MinLength: 2}, allowed: "ab", refused: "a", text: "a string of at least 2 characters"},
		{rule: rule.Rule{Type: "string", MinLength: 2, MaxLength: 2}, allowed: "ab", refused: "abc", text: "a string of 2 characters"},
		{rule: rule.Rule{Type: "string", Enum: []string{"a", "b"}}, allowed: "a b", refused: "c A", text: "one of a, b"},
		{rule: rule.Rule{Type: "boolean"}, allowed: "true false", refused: "TRUE 1 yes", text: "true or false"},
		{rule: rule.Rule{Type: "string"}, allowed: "anything", refused: "", text: "a string"},
	} {
		for value := range strings.FieldsSeq(c.allowed) {
			if !c.rule.Allows(value) {
				t.Errorf("%s: refuses %q", c.rule, value)
			}
		}
		for value := range strings.FieldsSeq(c.refused) {
			if c.rule.Allows(value) {
				t.Errorf("%s: allows %q", c.rule, value)
			}
		}
		if c.rule.String() != c.text {
			t.Errorf("says %q, want %q", c.rule, c.text)
		}
	}
}
