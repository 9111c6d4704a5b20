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
		{ttl, "0 1 299 300", "-1 301 -0 +1 01 1.0 1e2 0x1 1_0 abc " + strings.Repeat("1", 400), "an integer from 0 to 300"},
		{open, "1 299", "0 300", "an integer above 0 and below 300"},
		{price, "-0.5 0 1.25 99999", "-0.51 1. .5 1e3 NaN Inf 01", "a number of at least -0.5"},
		{rule.Rule{Type: "integer", Maximum: "9"}, "-12 9", "10", "an integer of at most 9"},
		{rule.Rule{Type: "integer"}, "0 -7", "x", "an integer"},
		{name, "aé aéa", "a aaaa ab", "a string of 2 to 3 characters that matches ^[aé]*$"},
		{rule.Rule{Type: "string", MinLength: 2}, "ab", "a", "a string of at least 2 characters"},
		{rule.Rule{Type: "string", MinLength: 2, MaxLength: 2}, "ab", "abc", "a string of 2 characters"},
		{rule.Rule{Type: "string", Enum: []string{"a", "b"}}, "a b", "c A", "one of a, b"},
		{rule.Rule{Type: "boolean"}, "true false", "TRUE 1 yes", "true or false"},
		{rule.Rule{Type: "string"}, "anything", "", "a string"},
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
