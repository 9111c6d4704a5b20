package sample

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// lookAround is what RE2 has not, and what a text that matches the rest may keep by itself.
var lookAround = regexp.MustCompile(`\(\?(?:[=!]|<[=!])(?:[^()\\]|\\.|\([^()]*\))*\)`)

// drawn are the texts that were drawn of patterns: drawing costs much.
var drawn sync.Map

// draws is how many texts are drawn of a pattern at once.
const draws = 16

// matching are texts that a pattern matches.
func matching(pattern string, seed int) []string {
	seed %= 4
	key := fmt.Sprint(seed, " ", pattern)
	if known, ok := drawn.Load(key); ok {
		texts, _ := known.([]string)
		return texts
	}
	texts := draw(pattern, seed)
	drawn.Store(key, texts)
	return texts
}

// Matching is a text that a pattern matches, which the seed chooses; empty where none is found.
func Matching(pattern string, seed int) string {
	texts := draw(pattern, seed)
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

func draw(pattern string, seed int) (texts []string) {
	defer func() {
		// The generator panics at what it cannot draw from.
		if recover() != nil {
			texts = nil
		}
	}()
	if _, err := regexp.Compile(pattern); err != nil {
		pattern = lookAround.ReplaceAllString(pattern, "")
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return nil
	}
	values := rapid.StringMatching(pattern)
	for i := range draws {
		texts = append(texts, values.Example(seed*draws+i))
	}
	return texts
}

// ofFormat are texts of a format.
var ofFormat = map[string][]string{
	"date-time": {"2015-07-30T20:00:00Z", "2016-02-29T23:59:59Z", "2015-07-30T20:00:00+00:00"}, "date": {"2015-07-30", "2016-02-29"}, "time": {"20:00:00Z", "10:30:00Z"}, "duration": {"P1D", "PT1H"},
	"uuid": {"00000000-0000-4000-8000-000000000000", "550e8400-e29b-41d4-a716-446655440000"}, "uri": {"https://example.com/", "https://example.com/a"}, "uri-reference": {"/a", "b"},
	"iri": {"https://example.com/"}, "iri-reference": {"/a"}, "uri-template": {"/a/{b}", "/c"}, "email": {"a@example.com", "b@example.com", "a@b.co"}, "idn-email": {"a@example.com"},
	"hostname": {"example.com", "a.example", "a.io", "ab"}, "idn-hostname": {"example.com"}, "ipv4": {"192.0.2.1", "192.0.2.2"}, "ipv6": {"2001:db8::1", "2001:db8::2"},
	"json-pointer": {"/a", "/b"}, "relative-json-pointer": {"0", "1"}, "regex": {"a", "b"}, "byte": {"YWJj", "YWJjZA=="}, "semver": {"1.0.0", "1.0.1"}, "int64": {"10", "20"}, "uint64": {"10", "20"}, "int32": {"10", "20"}, "decimal": {"1.5", "10"}, "double": {"1.5"}, "float": {"1.5"},
	"http-date": {"Thu, 30 Jul 2015 20:00:00 GMT"}, "char": {"a", "b"}, "base64url": {"YWJj", "YWJjZA"}, "phone": {"+15005550006"}, "ulid": {"01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "period": {"2015-07-30T20:00:00Z/P1D"},
}

// texts are strings that may keep the view.
func (v *view) texts(seed int) (list []string) {
	for _, format := range v.formats {
		list = append(list, ofFormat[format]...)
	}
	for _, pattern := range v.patterns {
		list = append(list, matching(pattern.String(), seed)...)
	}
	return list
}

func stringOf(v *view, schemas []*jsonschema.Schema) (any, bool) {
	if v.least > maxText {
		return nil, false
	}
	list := v.texts(0)
	for _, letter := range []string{"x", "a", "1"} {
		list = append(list, strings.Repeat(letter, max(v.least, 1)))
	}
	list = append(list, "true", "2015-07-30", "https://example.com/")
	for _, text := range list {
		for _, sized := range []string{text, v.sized(text)} {
			if text != "" && allow(schemas, sized) {
				return sized, true
			}
		}
	}
	// Alternatives chosen elsewhere may still allow it.
	return v.sized(list[0]), true
}

// sized brings a text to a length that the view allows.
func (v *view) sized(text string) string {
	runes := []rune(text)
	if len(runes) > 0 {
		for len(runes) < v.least {
			runes = append(runes, runes[len(runes)-1])
		}
	}
	if v.most >= 0 && len(runes) > v.most {
		runes = runes[:v.most]
	}
	return string(runes)
}
