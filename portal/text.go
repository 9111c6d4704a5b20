package portal

import (
	"encoding/base64"
	"encoding/json"
	"html/template"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pathTemplate marks the parameters of a path, and lets it break before a slash only.
func pathTemplate(path string) template.HTML {
	breakable := strings.ReplaceAll(template.HTMLEscapeString(path), "/", "<wbr>/")
	return template.HTML(pathParameter.ReplaceAllString(breakable, "<var>{$1}</var>"))
}

// jsonCode marks the names, strings and other values of a JSON text; another text stays as it is.
func jsonCode(text string) template.HTML {
	if !json.Valid([]byte(text)) {
		return template.HTML(template.HTMLEscapeString(text))
	}
	var b strings.Builder
	at := 0
	for _, token := range jsonToken.FindAllStringIndex(text, -1) {
		kind := "value"
		if text[token[0]] == '"' {
			kind = "string"
			if strings.HasPrefix(strings.TrimLeft(text[token[1]:], " \t\r\n"), ":") {
				kind = "name"
			}
		}
		b.WriteString(template.HTMLEscapeString(text[at:token[0]]))
		b.WriteString(`<span class="json-` + kind + `">` + template.HTMLEscapeString(text[token[0]:token[1]]) + `</span>`)
		at = token[1]
	}
	b.WriteString(template.HTMLEscapeString(text[at:]))
	return template.HTML(b.String())
}

var jsonToken = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[-0-9a-z][-+.0-9a-zA-Z]*`)

// anchor makes an id of a text, such as a version.
func anchor(text string) string {
	return strings.Trim(notInAnchor.ReplaceAllString(strings.ToLower(text), "-"), "-")
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9.]+`)

// oneLine puts a description on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// wholeSentence begins a text with a capital, and ends it with a stop.
func wholeSentence(text string) string {
	text = strings.TrimSpace(text)
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.ContainsRune(".!?:", rune(text[len(text)-1])) {
		return text
	}
	return text + "."
}

// indent puts a description into a list item that stands n levels deep.
func indent(n int, text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+spaces(n))
}

// codeSpan writes text as Markdown code, whatever it contains.
func codeSpan(text string) string {
	if text == "" {
		return "(empty)"
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// codeBlock writes text as a block of Markdown code, whatever it contains.
func codeBlock(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + text + "\n" + fence
}

// tableCell puts a text into a cell of a Markdown table.
func tableCell(text string) string { return strings.ReplaceAll(oneLine(text), "|", `\|`) }

var blankLines = regexp.MustCompile(`\n{3,}`)

// tidyMarkdown takes out what templates leave between blocks.
func tidyMarkdown(text string) string {
	return strings.TrimSpace(blankLines.ReplaceAllString(text, "\n\n")) + "\n"
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
