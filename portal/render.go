package portal

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	"sync"
	texttemplate "text/template"
)

// render makes all that is served. Pages of many operations are made when they are asked for: all together would fill the memory.
func (p *Portal) render() error {
	p.files = map[string]file{}
	if err := p.addAssets(); err != nil {
		return err
	}
	p.files[p.Path("/openapi.yaml")] = newFile("openapi.yaml", p.config.Document)
	converted, err := indented(ordered{p.source.root})
	if err != nil {
		return fmt.Errorf("writing the OpenAPI document as JSON: %w", err)
	}
	p.files[p.Path("/openapi.json")] = newFile("openapi.json", []byte(converted+"\n"))
	p.files[p.Path("/mcp.json")] = newFile("mcp.json", []byte(connect(p.home().Slug(), p.URL(p.home().Path("/mcp"))).JSON+"\n"))

	functions := template.FuncMap{"commonmark": commonmark, "plain": plain, "anchor": anchor, "path": pathTemplate, "json": jsonCode, "oneline": oneLine, "highlight": highlight, "inwords": inWords, "sentence": wholeSentence}
	html, err := template.New("").Funcs(functions).ParseFS(assets, "assets/*.html")
	if err != nil {
		return err
	}
	if err := p.addLayouts(html); err != nil {
		return err
	}
	if p.markdown, err = texttemplate.New("").Funcs(texttemplate.FuncMap{
		"indent": indent, "code": codeSpan, "fence": codeBlock, "line": oneLine, "cell": tableCell, "sentence": wholeSentence,
	}).ParseFS(assets, "assets/*.md"); err != nil {
		return err
	}
	p.listPages()
	if p.config.Guides != nil {
		if err := p.addGuides(); err != nil {
			return err
		}
	}
	p.index = p.makeIndex()
	if err := p.addPages(); err != nil {
		return err
	}
	if p.HasFeed() {
		text, err := p.feed()
		if err != nil {
			return err
		}
		p.files[p.Path(feedPath)] = newFile(feedPath, text)
	}
	var b bytes.Buffer
	if err := p.markdown.ExecuteTemplate(&b, "llms.md", view{Portal: p, Page: p.pages[0]}); err != nil {
		return err
	}
	p.files[p.Path("/llms.txt")] = newFile("llms.txt", []byte(tidyMarkdown(b.String())))
	return nil
}

// addAssets adds the stylesheet, the scripts and the icon.
func (p *Portal) addAssets() error {
	for _, name := range []string{"portal.css", "portal.js", "console.js", "theme.js", "icon.svg"} {
		content, err := fs.ReadFile(assets, "assets/"+name)
		if err != nil {
			return err
		}
		look := p.config.Look
		switch {
		case name == "portal.css":
			content = append(content, look.stylesheet()...)
		case name == "icon.svg" && len(look.Mark) > 0:
			content = look.Mark
		}
		p.files[p.Path("/assets/"+name)] = newFile(name, content)
	}
	return nil
}

// textOf writes all that a page says.
func (p *Portal) textOf(page *Page) (pageText, error) {
	if page.guide != nil {
		return pageText{page.guide.markdown, briefGuide(page.guide)}, nil
	}
	var b bytes.Buffer
	if err := p.markdown.ExecuteTemplate(&b, page.template+".md", p.viewOf(page)); err != nil {
		return pageText{}, err
	}
	text := pageText{markdown: tidyMarkdown(b.String())}
	if page.template == "changelog" {
		text.brief = briefChangelog(text.markdown, p.versions)
	} else {
		text.brief = p.briefOf(page)
	}
	return text, nil
}

// fileOf writes a page as HTML, or as Markdown for a path of .md.
func (p *Portal) fileOf(page *Page, path string) (file, error) {
	if strings.HasSuffix(path, ".md") {
		text, err := page.text()
		return newFile("page.md", []byte(text.markdown)), err
	}
	if strings.HasSuffix(path, ".yaml") {
		text, ok := p.OperationSource(page.operations[0].ID)
		if !ok {
			return file{}, fmt.Errorf("%s has no source", page.operations[0].ID)
		}
		return newFile("page.yaml", []byte(text)), nil
	}
	content, err := p.page(page.template, p.viewOf(page))
	return newFile("page.html", content), err
}

// file is what is served at a path.
func (p *Portal) file(path string) (file, bool) {
	if f, ok := p.files[path]; ok {
		return f, true
	}
	for _, of := range p.beside {
		if f, ok := of.file(path); ok {
			return f, true
		}
	}
	for _, form := range forms {
		below, ok := strings.CutSuffix(path, form)
		if page := p.byPath[below]; ok && page != nil && page.has(form) {
			f, err := p.fileOf(page, path)
			return f, err == nil
		}
	}
	return file{}, false
}

// addPages makes the pages that are kept, and tries one of those that are made when they are asked for: what is wrong with a template
// is told at the start.
func (p *Portal) addPages() error {
	isTried := false
	var kept []*Page
	for _, page := range p.pages {
		page.text = func() (pageText, error) { return p.textOf(page) }
		if p.isOnDemand(page) {
			if isTried {
				continue
			}
			isTried = true
			if _, err := p.fileOf(page, page.Path); err != nil {
				return err
			}
		} else {
			page.text = sync.OnceValues(page.text)
			kept = append(kept, page)
		}
		if _, err := page.text(); err != nil {
			return err
		}
	}
	for _, page := range kept {
		for _, path := range []string{page.Path, page.Path + ".md"} {
			f, err := p.fileOf(page, path)
			if err != nil {
				return err
			}
			p.files[path] = f
		}
	}
	return nil
}

// isOnDemand tells whether a page is made when it is asked for.
func (p *Portal) isOnDemand(page *Page) bool { return p.isGrouped() && page.operations != nil }

// addLayouts puts each page's template within the layout. They are only executed from here on, by many at once.
func (p *Portal) addLayouts(html *template.Template) error {
	p.layouts = map[string]*template.Template{}
	for _, name := range []string{"reference", "changelog", "guide", "search", "notfound"} {
		layout, err := html.Clone()
		if err != nil {
			return err
		}
		content := html.Lookup(name + ".html")
		if content == nil {
			return fmt.Errorf("there is no template %s.html", name)
		}
		if _, err := layout.AddParseTree("content", content.Tree.Copy()); err != nil {
			return err
		}
		p.layouts[name] = layout
	}
	return nil
}

// page fills in an HTML template within the layout.
func (p *Portal) page(name string, v view) ([]byte, error) {
	var b bytes.Buffer
	if err := p.layouts[name].ExecuteTemplate(&b, "layout.html", v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
