package portal

import "strings"

// saying is a fact as a person would say it: words, and what is code.
type saying struct{ Before, Code, After string }

// String writes it in Markdown.
func (s saying) String() string {
	text := s.Before
	if s.Code != "" {
		text = strings.TrimSpace(text + " `" + s.Code + "`")
	}
	return strings.TrimSpace(text + " " + s.After)
}

// inWords says facts as a person would: "8 to 64 characters", "0 to 300", "default 300". All of them are said, each once.
func inWords(facts []Fact) (list []saying) {
	values := map[string]string{}
	for _, f := range facts {
		values[f.Label] = f.Value
	}
	said := map[string]bool{}
	for _, f := range facts {
		if said[f.Label] && !strings.HasPrefix(f.Label, "Example") {
			continue
		}
		said[f.Label] = true
		if r, ok := ranges[f.Label]; ok {
			said[r.least], said[r.most] = true, true
			least, hasLeast := values[r.least]
			most, hasMost := values[r.most]
			list = append(list, saying{Before: rangeInWords(least, hasLeast, most, hasMost, r.unit)})
			continue
		}
		list = append(list, factInWords(f))
	}
	return list
}

// ranges are the labels of facts that are two ends of one range.
var ranges = map[string]struct{ least, most, unit string }{
	"Minimum length": {"Minimum length", "Maximum length", " characters"}, "Maximum length": {"Minimum length", "Maximum length", " characters"},
	"Minimum": {"Minimum", "Maximum", ""}, "Maximum": {"Minimum", "Maximum", ""},
	"Minimum items": {"Minimum items", "Maximum items", " items"}, "Maximum items": {"Minimum items", "Maximum items", " items"},
	"Minimum properties": {"Minimum properties", "Maximum properties", " fields"}, "Maximum properties": {"Minimum properties", "Maximum properties", " fields"},
}

func rangeInWords(least string, hasLeast bool, most string, hasMost bool, unit string) string {
	switch {
	case hasLeast && hasMost && least == most:
		return least + unit
	case hasLeast && hasMost:
		return least + " to " + most + unit
	case hasLeast:
		return "at least " + least + singular(least, unit)
	}
	return "at most " + most + singular(most, unit)
}

func factInWords(f Fact) saying {
	switch {
	case f.Label == "Pattern":
		return saying{Code: f.Value}
	case f.Label == "Allowed values":
		return saying{Before: "one of", After: f.Value}
	case f.Label == "Default":
		return saying{Before: "default", After: f.Value}
	case f.Label == "Example":
		return saying{Before: "such as", Code: f.Value}
	case strings.HasPrefix(f.Label, "Example "):
		return saying{Before: "such as", Code: f.Value, After: "(" + strings.TrimPrefix(f.Label, "Example ") + ")"}
	}
	return saying{Before: strings.ToLower(f.Label), After: f.Value}
}

// singular is a unit as it stands behind a number.
func singular(number, unit string) string {
	if number == "1" {
		return strings.TrimSuffix(unit, "s")
	}
	return unit
}
