package portal

import (
	"encoding/json"
	"strings"
	"unicode"
)

// literal writes a value as Go and JavaScript have it.
func literal(typeName, value string) string {
	if strings.HasPrefix(typeName, "integer") || strings.HasPrefix(typeName, "number") || strings.HasPrefix(typeName, "boolean") {
		return value
	}
	return jsonString(value)
}

// jsonString writes a text as a string of JSON, which is one of Go, JavaScript and Python too.
func jsonString(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	// A text can always be written.
	_ = encoder.Encode(text)
	return strings.TrimSpace(b.String())
}

// words splits a wire name: FriendlyName, Details.Message, date_created.
func words(name string) []string {
	var list []string
	word := ""
	flush := func() {
		if word != "" {
			list = append(list, word)
		}
		word = ""
	}
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r):
			flush()
		}
		word += string(unicode.ToLower(r))
	}
	flush()
	return list
}

func snakeCase(name string) string { return strings.Join(words(name), "_") }

func pascalCase(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

func camelCase(name string) string {
	p := pascalCase(name)
	if p == "" {
		return p
	}
	return strings.ToLower(p[:1]) + p[1:]
}
