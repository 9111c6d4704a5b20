package portal

import (
	"fmt"
	"slices"
	"strings"
)

// brief is a page for AI tools: all that the page says, once, in as few words as it takes. It stands in sections, which a fragment of
// an address finds.
type brief struct {
	sections []section
	// fragments are lines of the sections that have an anchor of their own.
	fragments []section
	current   *strings.Builder
	// same is the answer whose body the last one had too, and described the names of fields by what was said of them.
	same      string
	described map[string]string
}

// section is a part of a page with the anchors that lead to it.
type section struct {
	anchors []string
	text    string
}

// begin begins a section. Those of an anchor that is empty are found by none.
func (b *brief) begin(anchors ...string) {
	b.end()
	b.sections = append(b.sections, section{anchors: anchors})
	b.current = &strings.Builder{}
}

func (b *brief) end() {
	if b.current != nil {
		b.sections[len(b.sections)-1].text = strings.TrimSpace(b.current.String())
	}
}

func (b *brief) line(format string, args ...any) { fmt.Fprintf(b.current, format+"\n", args...) }

// text is the whole page.
func (b *brief) text() string {
	texts := make([]string, len(b.sections))
	for i, s := range b.sections {
		texts[i] = s.text
	}
	return strings.Join(texts, "\n\n") + "\n"
}

// of gives the section of an anchor.
func (b *brief) of(anchor string) (string, bool) {
	for _, list := range [][]section{b.sections, b.fragments} {
		for _, s := range list {
			if anchor != "" && slices.Contains(s.anchors, anchor) {
				return s.text, true
			}
		}
	}
	return "", false
}

// Brief is a page for AI tools: all that it says, once. With a fragment it is that section alone; one that leads nowhere is an error.
func (p *Portal) Brief(page *Page, fragment string) (string, error) {
	if fragment == "" {
		return page.brief().text(), nil
	}
	text, ok := page.brief().of(fragment)
	if !ok {
		return "", fmt.Errorf("the page %s has no section #%.100s; without it the whole page is given", p.URL(page.Path), fragment)
	}
	return text, nil
}

// Lines are what a page says at an address with a fragment, for a result of a search; empty where it leads to no lines of its own.
func (p *Portal) Lines(address string) string {
	_, fragment, ok := strings.Cut(address, "#")
	page := p.Page(address)
	if !ok || page == nil || page.guide != nil {
		// A section of a guide is longer than an excerpt should be.
		return ""
	}
	text, _ := page.brief().of(fragment)
	return text
}

// briefOf writes a page of the reference.
func (p *Portal) briefOf(page *Page) *brief {
	b := &brief{}
	r := p.reference
	b.begin("")
	b.line("# %s", page.Title)
	license := r.License
	if r.LicenseURL != "" {
		license = strings.TrimSpace(license + " (" + r.LicenseURL + ")")
	}
	b.line("Version %s%s. %s", r.Version, either(license != "", ", "+license, ""), p.URL(page.Path))
	if page.Path == p.Path("") {
		b.line("%s", oneLine(r.Description))
		b.begin("servers")
		b.line("## Servers")
		for _, s := range r.Servers {
			b.line("- %s %s", s.URL, s.Description)
		}
		if p.isOwn() {
			b.line("- %s This server", p.URL(""))
		}
		b.begin("authentication")
		b.line("## Authentication")
		for _, s := range r.Schemes {
			b.line("- `%s` %s. %s", s.Name, s.Kind, oneLine(s.Description))
		}
		if len(r.Schemes) == 0 {
			b.line("The document names no credentials.")
		}
	}
	p.listIn(b, page)
	for _, op := range page.operations {
		b.operation(op, op.Title != page.Title, p.URL(page.Path))
	}
	b.end()
	b.errors(p.viewOf(page).Errors())
	return b
}

// listIn lists the groups of the operations, or the operations of a group.
func (p *Portal) listIn(b *brief, page *Page) {
	v := p.viewOf(page)
	if groups := v.Groups(); len(groups) > 0 {
		b.begin("operations")
		b.line("## Operations")
		for _, group := range groups {
			b.line("- %s, %d: %s %s", group.Name, len(group.Operations), p.URL(group.Path), oneLine(group.Description))
		}
	}
	for _, op := range v.Listed() {
		b.line("- %s %s: %s %s", op.Method, op.Path, op.Title, p.URL(p.pathOf(op)))
	}
}

// errors has the anchors of the error table lead to its rows. The answers say all of them.
func (b *brief) errors(rows []Error) {
	var all []string
	for _, e := range rows {
		text := fmt.Sprintf("%s, status %s, %s: %s", e.Code, e.Status, e.Summary, e.Message)
		if e.MoreInfo != "" {
			text += " " + e.MoreInfo
		}
		b.lines("error-"+e.Code, text)
		all = append(all, "- "+text)
	}
	b.lines("errors", strings.Join(all, "\n"))
}

// briefChangelog is the changelog as it is in Markdown; each change is found by its id.
func briefChangelog(markdown string, versions []Version) *brief {
	b := &brief{}
	b.begin("")
	b.line("%s", markdown)
	b.end()
	for _, v := range versions {
		for _, c := range v.Changes {
			b.lines(c.ID, c.InFull())
		}
	}
	return b
}
