package sample

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/nudgehq/nudge/internal/schema"
)

func types(value any, add func(what, keyword string, value any)) {
	for _, other := range []struct {
		what  string
		value any
	}{
		{"a string", "abc"}, {"a number in quotes", "1"}, {"a fraction", json.Number("1.5")}, {"a whole number", json.Number("1")}, {"zero", json.Number("0")}, {"true", true}, {"false", false}, {"true in quotes", "true"},
		{"a list", []any{}}, {"an object", map[string]any{}}, {"null", nil},
	} {
		if fmt.Sprintf("%T", other.value) != fmt.Sprintf("%T", value) || other.what == "a fraction" {
			add("as "+other.what, "type", other.value)
		}
	}
}

func numbers(v *view, n *big.Rat, add, odd func(what, keyword string, value any)) {
	for _, whole := range []string{"0", "-1"} {
		add(whole, "type", json.Number(whole))
	}
	// Beyond 32 and 64 bits.
	for _, whole := range []string{"2147483648", "9223372036854775808"} {
		odd(whole, "type", json.Number(whole))
	}
	one := big.NewRat(1, 1)
	for _, b := range []struct {
		bound         *big.Rat
		name, keyword string
	}{{v.minimum, "minimum", "minimum"}, {v.maximum, "maximum", "maximum"}} {
		if b.bound == nil {
			continue
		}
		steps := append([]*big.Rat{one}, v.multiples...)
		if new(big.Rat).Abs(b.bound).Cmp(exact) < 0 {
			steps = append(steps, big.NewRat(1, 2))
		}
		for _, step := range steps {
			for _, sign := range []int64{0, 1, -1} {
				other := new(big.Rat).Add(b.bound, new(big.Rat).Mul(step, big.NewRat(sign, 1)))
				what := map[int64]string{0: "its " + b.name, 1: "just above its " + b.name, -1: "just below its " + b.name}[sign]
				add(string(Number(other))+", "+what, b.keyword, Number(other))
			}
		}
	}
	for _, of := range v.multiples {
		add(string(Number(new(big.Rat).Add(n, of)))+", another multiple", "multipleOf", Number(new(big.Rat).Add(n, of)))
		half := new(big.Rat).Add(n, new(big.Rat).Quo(of, big.NewRat(2, 1)))
		add(string(Number(half))+", no multiple", "multipleOf", Number(half))
		if next := new(big.Rat).Add(n, one); of.Cmp(one) > 0 {
			add(string(Number(next))+", no multiple", "multipleOf", Number(next))
		}
	}
}

// exact is from where on a float64 has no fractions.
var exact = new(big.Rat).SetInt64(1 << 53)

// maxText bounds the texts that are made, in characters.
const maxText = 70_000

// ofNoFormat are texts that are near to a format, and have it not.
var ofNoFormat = map[string][]string{
	"date-time": {"2015-07-30", "2015-07-30 20:00:00Z", "2015-02-30T20:00:00Z", "2015-07-30T20:00:00", "2015-07-30T25:00:00Z"}, "date": {"2015-02-30", "2015-7-30", "30.07.2015", "2015-07-30T20:00:00Z"},
	"uuid": {"00000000-0000-4000-8000-00000000000", "00000000-0000-4000-8000-00000000000g"}, "email": {"a.example.com"}, "ipv4": {"192.0.2.256", "192.0.2", "2001:db8::1"},
	"ipv6": {"192.0.2.1", "2001:db8::g", "1:2"},
	"time": {"20:00", "25:00:00Z", "20:00:00"},
}

func texts(v *view, value string, add, odd func(what, keyword string, value any)) {
	for _, format := range v.formats {
		for _, text := range ofFormat[format] {
			add(fmt.Sprintf("%q, another %s", text, format), "format", text)
		}
		for _, text := range append([]string{"abc"}, ofNoFormat[format]...) {
			add(fmt.Sprintf("%q, which is no %s", text, format), "format", text)
		}
	}
	stretched := func(n int) string {
		runes := []rune(value)
		if len(runes) == 0 {
			runes = []rune("x")
		}
		for len(runes) < n {
			runes = append(runes, runes[len(runes)-1])
		}
		return string(runes[:n])
	}
	if v.least > 0 && v.least <= maxText {
		add("as short as it may be", "minLength", stretched(v.least))
		add("one character too short", "minLength", stretched(v.least-1))
	}
	if v.most >= 0 && v.most <= maxText {
		add("as long as it may be", "maxLength", stretched(v.most))
		add("one character too long", "maxLength", stretched(v.most+1))
		if len(v.formats)+len(v.patterns)+len(v.choices) == 0 {
			add("as long as it may be, of letters beyond ASCII", "maxLength", strings.Repeat("é", v.most))
		}
	}
	if len(v.patterns) > 0 {
		for i, text := range matching(v.patterns[0].String(), 1) {
			if i == 3 {
				break
			}
			add(fmt.Sprintf("%q, of its pattern", text), "pattern", text)
		}
		for _, text := range []string{value + "!", "!" + value, value + "\n", value + " ", SwapCase(value), "!", "_" + value} {
			add(fmt.Sprintf("%q, another text", text), "pattern", text)
		}
	}
	add("empty", "minLength", "")
	if len(v.formats)+len(v.patterns)+len(v.choices) == 0 {
		add("with a quote and letters beyond ASCII", "type", v.sized("'é😀"))
		odd("with a null character", "type", v.sized("a\x00b"))
		odd("of 300 letters", "type", strings.Repeat("x", 300))
	}
}

// SwapCase writes ASCII letters in the other case.
func SwapCase(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 32
		case 'A' <= r && r <= 'Z':
			return r + 32
		}
		return r
	}, text)
}

func describe(v any) string {
	text := key(v)
	if len([]rune(text)) > 40 {
		return fmt.Sprintf("%s…", string([]rune(text)[:40]))
	}
	return text
}

// IsAsserted tells whether servers agree that a value is wrong. Of the formats they do of these: others are notes to many
// validators, and what an email is no two of them say alike.
func IsAsserted(p schema.Problem) bool {
	return p.Keyword != schema.Discriminator && (p.Format == "" || ofNoFormat[p.Format] != nil)
}
