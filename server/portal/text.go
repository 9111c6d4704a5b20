package portal

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
)

// commonmark renders a description. Raw HTML in it is left out by the library.
func commonmark(text string) (template.HTML, error) {
	var b bytes.Buffer
	if err := goldmark.Convert([]byte(text), &b); err != nil {
		return "", err
	}
	// An image would be another host's, which the pages' policy refuses.
	return template.HTML(image.ReplaceAllString(b.String(), "")), nil
}

var image = regexp.MustCompile(`<img [^>]*>`)

// anchor makes an id of a text, such as a version.
func anchor(text string) string {
	return strings.Trim(notInAnchor.ReplaceAllString(strings.ToLower(text), "-"), "-")
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9.]+`)

// oneLine puts a description on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

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
