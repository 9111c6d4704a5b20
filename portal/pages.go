package portal

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
)

// Page is one page of the portal.
type Page struct {
	// Path is its path on the server; Parent is that of the page above it, empty for the first.
	Path, Parent       string
	Title, Description string
	// operations are those that the page describes, group those that it lists.
	operations []*Operation
	group      *Group
	guide      *guide
	// template names its template: reference, changelog or guide.
	template string
	text     func() (pageText, error)
}

// pageText is all that a page says.
type pageText struct {
	markdown string
	// brief is the same for AI tools.
	brief *brief
}

// Markdown is all that the page says.
func (page *Page) Markdown() string {
	// What can fail is the template, which was tried at the start.
	text, _ := page.text()
	return text.markdown
}

// Guide is a guide's text.
func (page *Page) Guide() template.HTML { return page.guide.html }

// Section is a part of a guide.
type Section struct{ Anchor, Title string }

// Sections are the parts of a guide that its page lists.
func (page *Page) Sections() (list []Section) {
	if page.guide == nil {
		return nil
	}
	for _, h := range page.guide.headings {
		if h.level == 2 {
			list = append(list, Section{h.anchor, h.title})
		}
	}
	return list
}

// HasSource tells whether the page is of one operation, whose part of the document can be read.
func (page *Page) HasSource() bool { return len(page.operations) == 1 && page.Parent != "" }

// forms are what stands behind a page's path: the page itself, its Markdown, its source.
var forms = []string{"", ".md", ".yaml"}

// has tells whether the page is there in a form.
func (page *Page) has(form string) bool { return form != ".yaml" || page.HasSource() }

// HasText tells whether the page can be read as Markdown.
func (page *Page) HasText() bool { return page.text != nil }

// brief is the page for AI tools.
func (page *Page) brief() *brief {
	text, _ := page.text()
	return text.brief
}

// listPages says which pages there are: the whole reference, one for each operation, and the changelog. Of many operations the first
// page is a table of contents, and each group has a page that lists its own.
func (p *Portal) listPages() {
	base := p.Path("")
	parent := ""
	if p.config.within != nil {
		parent = p.config.within.Path("")
	}
	first := &Page{Path: base, Parent: parent, Title: p.reference.Title, Description: plain(p.reference.Description), template: "reference"}
	p.pages = []*Page{first}
	ofOperation := func(op *Operation, parent string) *Page {
		return &Page{Path: p.Path("/operations/" + segment(op.ID)), Parent: parent, Title: op.Title, Description: op.Method + " " + op.Path, operations: []*Operation{op}, template: "reference"}
	}
	if !p.isGrouped() {
		first.operations = p.reference.Operations
		for _, op := range p.reference.Operations {
			p.pages = append(p.pages, ofOperation(op, base))
		}
	}
	for _, group := range p.groups {
		page := &Page{Path: p.Path("/tags/" + segment(group.Name)), Parent: base, Title: group.Name, group: group, template: "reference"}
		page.Description = strings.TrimSpace(fmt.Sprintf("%d operation%s. %s", len(group.Operations), either(len(group.Operations) == 1, "", "s"), plain(group.Description)))
		group.Path = page.Path
		p.pages = append(p.pages, page)
		for _, op := range group.Operations {
			p.pages = append(p.pages, ofOperation(op, page.Path))
		}
	}
	if !p.config.AnyAPI || len(p.versions) > 0 {
		p.pages = append(p.pages, p.changelogPage())
	}
	p.byPath = map[string]*Page{}
	for _, page := range p.pages {
		p.byPath[page.Path] = page
	}
}

func (p *Portal) changelogPage() *Page {
	return &Page{Path: p.Path("/changelog"), Parent: p.Path(""), Title: "Changelog", template: "changelog", Description: "What changed from version to version, and what of it breaks callers."}
}

// segment is a name as a segment of a path. One of dots alone would lead elsewhere, and .md and .yaml after one are its Markdown and its source.
func segment(name string) string {
	if strings.Trim(name, ".") == "" || strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".yaml") {
		name += "-"
	}
	return url.PathEscape(name)
}

// pathOf is the page that describes an operation.
func (p *Portal) pathOf(op *Operation) string {
	if p.isGrouped() {
		return p.Path("/operations/" + segment(op.ID))
	}
	return p.Path("")
}
