package portal

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// repository is where files stand that guides link to and that are no guides.
const repository = "https://github.com/nudgehq/nudge/blob/main/docs/"

// guide is a text in Markdown that the portal shows beside the reference.
type guide struct {
	title, description, markdown string
	// headings begin its sections.
	headings []heading
	html     template.HTML
}

// heading is one of a guide, with its anchor; text is what stands below it, itself included.
type heading struct {
	anchor, title, text string
	level               int
}

var guideReader = goldmark.New(goldmark.WithExtensions(withTables), goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(codeRenderer{}, 100), util.Prioritized(htmlRenderer{}, 100))))

// addGuides reads the guides, and lists a page of each.
func (p *Portal) addGuides() error {
	names, err := fs.Glob(p.config.Guides, "*.md")
	if err != nil {
		return err
	}
	slices.SortStableFunc(names, p.guideOrder())
	for _, name := range names {
		if name == guideIndex {
			continue
		}
		source, err := fs.ReadFile(p.config.Guides, name)
		if err != nil {
			return err
		}
		below := guidePath(name)
		g, err := p.readGuide(p.led(string(source), func(to string) string { return p.URL(to) + ".md" }), source)
		if err != nil {
			return fmt.Errorf("the guide %s: %w", name, err)
		}
		page := &Page{Path: p.Path(below), Parent: p.Path(""), Title: g.title, Description: g.description, guide: g, template: "guide"}
		p.pages = append(p.pages, page)
		p.byPath[page.Path] = page
	}
	return nil
}

// guideIndex is not shown: its links say the order of the guides.
const guideIndex = "README.md"

// guideOrder compares the names of guides: by the links of the index, where there is one, and then by name.
func (p *Portal) guideOrder() func(a, b string) int {
	index, err := fs.ReadFile(p.config.Guides, guideIndex)
	if err != nil {
		return cmp.Compare[string]
	}
	place := func(name string) int {
		if at := bytes.Index(index, []byte("]("+name)); at >= 0 {
			return at
		}
		return len(index)
	}
	return func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) }
}

// guidePath is the path of a guide's page below the portal's.
func guidePath(name string) string { return "/guides/" + segment(strings.TrimSuffix(name, ".md")) }

var markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// led is a guide's Markdown with its links leading to the other guides as to gives them.
func (p *Portal) led(markdown string, to func(path string) string) string {
	lines := strings.SplitAfter(markdown, "\n")
	isCode := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			isCode = !isCode
		}
		if isCode {
			continue
		}
		lines[i] = markdownLink.ReplaceAllStringFunc(line, func(link string) string {
			return "](" + p.leadsTo(markdownLink.FindStringSubmatch(link)[1], to) + ")"
		})
	}
	return strings.Join(lines, "")
}

// leadsTo is where a link of a guide leads: another guide, or a file beside it.
func (p *Portal) leadsTo(link string, to func(path string) string) string {
	file, fragment, has := strings.Cut(link, "#")
	if name, err := url.PathUnescape(file); err == nil {
		file = name
	}
	switch {
	case file == "" || strings.Contains(file, ":") || strings.HasPrefix(file, "/"):
		return link
	case p.besideOf(file) != nil:
		return to(p.besideOf(file).Path(""))
	case file == guideIndex:
		return to(p.Path(""))
	case path.Ext(file) == ".md" && path.Base(file) == file && p.hasGuide(file):
		link = to(p.Path(guidePath(file)))
	case p.Page(p.Path(path.Join("/guides", file))) != nil:
		// Seen from a guide's page, such as ../operations/ID.
		link = to(p.Page(p.Path(path.Join("/guides", file))).Path)
	case p.config.AnyAPI:
		return link
	default:
		link = strings.Replace(repository+file, "/docs/../", "/", 1)
	}
	if has {
		link += "#" + fragment
	}
	return link
}

func (p *Portal) hasGuide(name string) bool {
	_, err := fs.Stat(p.config.Guides, name)
	return err == nil
}

// readGuide reads a guide: its title is the first heading, and its description what stands below that.
func (p *Portal) readGuide(markdown string, source []byte) (*guide, error) {
	g := &guide{markdown: markdown}
	// The pages' own anchors are taken.
	taken := parser.NewContext()
	for id := range layoutIDs {
		taken.IDs().Put([]byte(id))
	}
	root := guideReader.Parser().Parse(text.NewReader(source), parser.WithContext(taken))
	var starts []int
	var paragraph string
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if n.Lines().Len() == 0 {
				// It says nothing.
				return ast.WalkContinue, nil
			}
			id, _ := n.AttributeString("id")
			anchor, _ := id.([]byte)
			g.headings = append(g.headings, heading{anchor: string(anchor), title: plainText(n, source), level: n.Level})
			starts = append(starts, bytes.LastIndexByte(source[:n.Lines().At(0).Start], '\n')+1)
		case *ast.Paragraph:
			if _, isImage := n.FirstChild().(*ast.Image); paragraph == "" && len(g.headings) > 0 && !isImage {
				paragraph = plainText(n, source)
			}
		case *ast.Link:
			n.Destination = []byte(p.leadsTo(string(n.Destination), p.Link))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return nil, err
	}
	if len(g.headings) == 0 {
		return nil, fmt.Errorf("it has no heading")
	}
	for i, start := range starts {
		end := len(source)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		g.headings[i].text = p.led(strings.TrimSpace(string(source[start:end])), p.URL)
	}
	g.title, g.description = g.headings[0].title, firstSentence(paragraph)
	var b bytes.Buffer
	if err := guideReader.Renderer().Render(&b, source, root); err != nil {
		return nil, err
	}
	g.html = template.HTML(scrolledTables.Replace(imageTag.ReplaceAllStringFunc(b.String(), p.diagram)))
	return g, nil
}

var sentence = regexp.MustCompile(`^.*?[.:](?: |$)`)

func firstSentence(text string) string {
	return strings.TrimRight(cutAt(strings.TrimSpace(either(sentence.MatchString(text), sentence.FindString(text), text)), 200), ":")
}

// codeRenderer highlights blocks of code, as the samples are.
type codeRenderer struct{}

// RegisterFuncs is the library's.
func (codeRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		block, ok := n.(*ast.FencedCodeBlock)
		if !entering || !ok {
			return ast.WalkContinue, nil
		}
		code := strings.TrimRight(string(block.Lines().Value(source)), "\n")
		_, err := w.WriteString(`<pre data-copy tabindex="0" aria-label="Code"><code>` + string(highlight(string(block.Language(source)), code)) + "</code></pre>\n")
		return ast.WalkContinue, err
	})
}

// briefGuide is a guide for AI tools: its Markdown, whose sections are found by their anchors.
func briefGuide(g *guide) *brief {
	b := &brief{}
	for _, h := range g.headings {
		b.begin(h.anchor)
		b.line("%s", h.text)
	}
	b.end()
	return b
}
