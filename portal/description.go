package portal

import (
	"bytes"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// withTables writes the alignment of a table's columns as attributes: the pages' policy refuses styles.
var withTables = extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))

// scrolledTables has a table that is wider than the page scrolled by keyboard too.
var scrolledTables = strings.NewReplacer("<table>", `<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>`, "</table>", "</table></div>")

var descriptionReader = goldmark.New(goldmark.WithExtensions(withTables, extension.Strikethrough, extension.Linkify),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(htmlRenderer{}, 100), util.Prioritized(imageText{}, 100))))

// commonmark renders a description, which may have HTML between its Markdown: what only shapes text does so, and all other HTML is
// shown as it was written.
func commonmark(description string) (template.HTML, error) {
	var b bytes.Buffer
	if err := descriptionReader.Convert([]byte(description), &b); err != nil {
		return "", err
	}
	if !strings.Contains(description, "<") {
		return template.HTML(scrolledTables.Replace(b.String())), nil
	}
	// Elements that are not closed would go on behind the description.
	nodes, err := html.ParseFragment(&b, &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		// Elements stand in each other more often than the library reads.
		return template.HTML("<p>" + html.EscapeString(description) + "</p>"), nil //nolint:nilerr // It is shown all the same.
	}
	var closed strings.Builder
	for _, n := range nodes {
		if err := html.Render(&closed, n); err != nil {
			return "", err
		}
	}
	return template.HTML(scrolledTables.Replace(closed.String())), nil
}

// shaping are the elements of HTML that descriptions may have, without their attributes; true for one that stands apart from the words beside it.
var shaping = map[atom.Atom]bool{
	atom.A: false, atom.B: false, atom.Strong: false, atom.I: false, atom.Em: false, atom.U: false, atom.S: false, atom.Del: false, atom.Ins: false,
	atom.Sub: false, atom.Sup: false, atom.Code: false, atom.Kbd: false, atom.Samp: false, atom.Var: false, atom.Mark: false, atom.Small: false, atom.Span: false,
	atom.Abbr: false, atom.Q: false, atom.Cite: false,
	atom.P: true, atom.Br: true, atom.Hr: true, atom.Div: true, atom.Pre: true, atom.Blockquote: true, atom.Ul: true, atom.Ol: true, atom.Li: true,
	atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
	atom.Details: true, atom.Summary: true, atom.Table: true, atom.Caption: true, atom.Thead: true, atom.Tbody: true, atom.Tfoot: true, atom.Tr: true, atom.Th: true,
	atom.Td: true,
}

func shapes(token html.Token) bool {
	_, ok := shaping[token.DataAtom]
	return ok && token.Type != html.TextToken
}

// htmlRenderer writes the HTML of a description.
type htmlRenderer struct{}

// RegisterFuncs is the library's.
func (htmlRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(shaped(rawHTML(n, source)))
		}
		return ast.WalkSkipChildren, nil
	})
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(shaped(rawHTML(n, source)))
		}
		return ast.WalkContinue, nil
	})
}

// imageText writes an image as its text: it would be another host's, which the pages' policy refuses.
type imageText struct{}

// RegisterFuncs is the library's.
func (imageText) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(html.EscapeString(plainText(n, source)))
		}
		return ast.WalkSkipChildren, nil
	})
}

// rawHTML is the HTML of a node of it.
func rawHTML(n ast.Node, source []byte) string {
	switch n := n.(type) {
	case *ast.RawHTML:
		return string(n.Segments.Value(source))
	case *ast.HTMLBlock:
		raw := string(n.Lines().Value(source))
		if n.HasClosure() {
			raw += string(n.ClosureLine.Value(source))
		}
		return raw
	}
	return ""
}

// shaped is HTML with the elements that shape text, and all others as text.
func shaped(raw string) string {
	var b strings.Builder
	eachToken(raw, func(token html.Token, asWritten string) {
		switch {
		case !shapes(token):
			b.WriteString(html.EscapeString(asWritten))
		case token.Type == html.EndTagToken:
			b.WriteString("</" + token.Data + ">")
		default:
			b.WriteString("<" + token.Data)
			if href, ok := hrefOf(token); ok {
				b.WriteString(` href="` + html.EscapeString(href) + `"`)
			}
			b.WriteString(">")
		}
	})
	return b.String()
}

// eachToken gives the tags and texts of HTML, as they are understood and as they were written. Comments say nothing.
func eachToken(raw string, give func(token html.Token, asWritten string)) {
	tokens := html.NewTokenizer(strings.NewReader(raw))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if rest := string(tokens.Raw()) + string(tokens.Buffered()); rest != "" {
				give(html.Token{Type: html.TextToken, Data: rest}, rest)
			}
			return
		case html.CommentToken, html.DoctypeToken:
		default:
			written := string(tokens.Raw())
			token := tokens.Token()
			if token.Type == html.TextToken {
				written = token.Data
			}
			give(token, written)
		}
	}
}

// hrefOf is where a link leads, if that is a page or a mail.
func hrefOf(token html.Token) (string, bool) {
	at := slices.IndexFunc(token.Attr, func(a html.Attribute) bool { return a.Key == "href" })
	if token.DataAtom != atom.A || at < 0 {
		return "", false
	}
	to, err := url.Parse(strings.TrimSpace(token.Attr[at].Val))
	return token.Attr[at].Val, err == nil && slices.Contains([]string{"", "http", "https", "mailto"}, strings.ToLower(to.Scheme))
}

// plain is what a description says, on one line and without marks, as it is found and quoted by searches.
func plain(description string) string {
	if !strings.ContainsAny(description, "*_[]<>`~|#&\\") && !strings.Contains(description, "--") && !strings.Contains(description, "==") {
		return oneLine(description)
	}
	source := []byte(description)
	return plainText(descriptionReader.Parser().Parse(text.NewReader(source)), source)
}

// plainText is what a node says, without its marks, on one line.
func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Type() == ast.TypeBlock {
				b.WriteByte(' ')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			value := n.Value(source)
			if _, isCode := n.Parent().(*ast.CodeSpan); !isCode {
				value = util.UnescapePunctuations(value)
			}
			b.WriteString(html.UnescapeString(string(value)))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(source))
		case *ast.RawHTML, *ast.HTMLBlock:
			eachToken(rawHTML(n, source), func(token html.Token, asWritten string) {
				switch {
				case !shapes(token):
					b.WriteString(asWritten)
				case shaping[token.DataAtom]:
					b.WriteByte(' ')
				}
			})
			return ast.WalkSkipChildren, nil
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			b.Write(n.Lines().Value(source))
		}
		return ast.WalkContinue, nil
	})
	return oneLine(b.String())
}
