package portal

import (
	"html/template"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
)

// highlight marks the tokens of a program that a reader looks for; the stylesheet has their colours. What cannot be read as one stays as
// it is.
func highlight(language, code string) template.HTML {
	lexer := lexers.Get(language)
	if lexer == nil {
		return template.HTML(template.HTMLEscapeString(code))
	}
	tokens, err := lexer.Tokenise(&chroma.TokeniseOptions{State: "root"}, code)
	if err != nil {
		return template.HTML(template.HTMLEscapeString(code))
	}
	var b, run strings.Builder
	kind := ""
	flush := func() {
		text := template.HTMLEscapeString(run.String())
		if kind != "" {
			text = `<span class="code-` + kind + `">` + text + `</span>`
		}
		b.WriteString(text)
		run.Reset()
	}
	for _, token := range tokens.Tokens() {
		of := tokenKind(token.Type)
		if strings.TrimSpace(token.Value) == "" {
			// White space looks like what stands before it.
			of = kind
		}
		if of != kind {
			flush()
			kind = of
		}
		run.WriteString(token.Value)
	}
	flush()
	return template.HTML(b.String())
}

// tokenKind is how a token looks; empty for plain.
func tokenKind(t chroma.TokenType) string {
	switch {
	case t.InCategory(chroma.Keyword):
		return "keyword"
	case t.InSubCategory(chroma.LiteralString):
		return "string"
	case t.InCategory(chroma.Comment):
		return "comment"
	case t.InSubCategory(chroma.LiteralNumber):
		return "number"
	case t == chroma.NameFunction || t == chroma.NameBuiltin:
		return "function"
	case t == chroma.NameVariable:
		return "variable"
	}
	return ""
}
