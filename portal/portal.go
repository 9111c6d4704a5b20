package portal

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/shell"
)

// Base is the path that the portal stands under.
const Base = "/doc/verify_v2"

//go:embed assets
var embedded embed.FS

// assets are the templates, the stylesheet and the scripts. A test takes pieces out, to see that it is noticed.
var assets fs.FS = embedded

// Config is what a Portal is made of.
type Config struct {
	// Document is the OpenAPI document that is shown. Nil: the embedded one.
	Document []byte
	// Versions holds the released documents, VERSION.yaml each. Nil: the embedded ones.
	Versions fs.FS
	// PublicURL is where callers reach the server: scheme, host and port, and the path that a proxy has it below.
	PublicURL string
	// Credentials are shown in the samples and in the console. Only those of a server for development may be.
	Credentials Credentials
	// Devices tells that the device endpoints are served beside the portal, DeviceTokens that they mint tokens.
	Devices, DeviceTokens bool
}

// Portal is a document, ready to be read.
type Portal struct {
	config Config
	// prefix is the path of the public URL, empty or /a/b.
	prefix    string
	reference *Reference
	// source is the document's text as a tree.
	source   *source
	versions []Version
	pages    []*Page
	index    []entry
	files    map[string]file
	html     *template.Template
}

// Page is one page of the portal.
type Page struct {
	// Path is its path on the server; Parent is that of the page above it, empty for the first.
	Path, Parent       string
	Title, Description string
	// Markdown is all that the page says.
	Markdown string
	// brief is the same for AI tools.
	brief *brief
}

// New reads the document and makes the pages.
func New(config Config) (*Portal, error) {
	if config.Document == nil {
		config.Document = nudge.OpenAPI
	}
	if config.Versions == nil {
		embedded, err := fs.Sub(nudge.Versions, "versions")
		if err != nil {
			return nil, err
		}
		config.Versions = embedded
	}
	public, prefix, err := parsePublicURL(config.PublicURL)
	if err != nil {
		return nil, err
	}
	// Callers leave a scheme's own port out, and so do their Host headers.
	host := strings.TrimSuffix(public.Host, map[string]string{"http": ":80", "https": ":443"}[public.Scheme])
	config.PublicURL = public.Scheme + "://" + host + prefix

	p := &Portal{config: config, prefix: prefix}
	if p.reference, p.source, err = readReference(config.Document); err != nil {
		return nil, err
	}
	if err := p.checkPrefix(); err != nil {
		return nil, err
	}
	for _, op := range p.reference.Operations {
		if op.Samples, err = samples(op, p.reference.Servers, config.PublicURL, config.Credentials); err != nil {
			return nil, err
		}
	}
	if p.versions, err = changelog(config.Versions, config.Document); err != nil {
		return nil, err
	}
	if err := p.render(); err != nil {
		return nil, err
	}
	return p, nil
}

// Pages lists the pages, the first one first.
func (p *Portal) Pages() []*Page { return slices.Clone(p.pages) }

// Page finds a page by its path or its URL, with .md after it or not; a fragment does not matter. It is nil when there is none.
func (p *Portal) Page(address string) *Page {
	address, _, _ = strings.Cut(address, "#")
	address = strings.TrimPrefix(strings.TrimPrefix(address, p.config.PublicURL), p.prefix)
	address = strings.TrimSuffix(strings.TrimSuffix(address, ".md"), "/")
	for _, page := range p.pages {
		if page.Path == address {
			return page
		}
	}
	return nil
}

// Document is the document that is shown, as it was given.
func (p *Portal) Document() []byte { return p.config.Document }

// Reference is the document as a reader sees it.
func (p *Portal) Reference() *Reference { return p.reference }

// URL is where a path of the server is reached.
func (p *Portal) URL(path string) string { return p.config.PublicURL + path }

// Link is a path of the server as a page of it links to it.
func (p *Portal) Link(path string) string { return p.prefix + path }

// view is what a page's templates are filled in with.
type view struct {
	*Portal
	Page *Page
	// Operations are those that the page shows: all, or one.
	Operations []*Operation
	// Found is the result of a search, for Query.
	Query string
	Found []Hit
}

// Config for the templates.
func (v view) Config() Config { return v.config }

// Versions for the templates.
func (v view) Versions() []Version { return v.versions }

// Whole tells whether the page shows the whole reference.
func (v view) Whole() bool { return v.Page.Path == Base }

// Nav lists the pages that every page links to.
func (v view) Nav() []*Page { return v.pages }

// MCP is how AI tools are told of the MCP server.
func (v view) MCP() connections { return connect(v.URL(Base + "/mcp")) }

// Base is the path of the portal.
func (v view) Base() string { return Base }

// Asset is the address of a stylesheet or a script; it changes with the content.
func (v view) Asset(name string) string {
	path := Base + "/assets/" + name
	return v.Link(path) + "?v=" + v.files[path].version()
}

func (p *Portal) viewOf(page *Page) view {
	return view{Portal: p, Page: page, Operations: p.shownOn(page)}
}

// template names the page's template.
func (page *Page) template() string {
	if page.Path == Base+"/changelog" {
		return "changelog"
	}
	return "reference"
}

// render makes the pages in all their forms.
func (p *Portal) render() error {
	p.files = map[string]file{}
	for _, name := range []string{"portal.css", "portal.js", "theme.js", "icon.svg"} {
		content, err := fs.ReadFile(assets, "assets/"+name)
		if err != nil {
			return err
		}
		p.files[Base+"/assets/"+name] = newFile(name, content)
	}
	p.files[Base+"/openapi.yaml"] = newFile("openapi.yaml", p.config.Document)
	converted, err := indented(ordered{p.source.root})
	if err != nil {
		return fmt.Errorf("writing the OpenAPI document as JSON: %w", err)
	}
	p.files[Base+"/openapi.json"] = newFile("openapi.json", []byte(converted+"\n"))
	p.files[Base+"/mcp.json"] = newFile("mcp.json", []byte(connect(p.URL(Base+"/mcp")).JSON+"\n"))

	functions := template.FuncMap{"commonmark": commonmark, "anchor": anchor, "path": pathTemplate, "json": jsonCode, "oneline": oneLine, "highlight": highlight, "inwords": inWords}
	if p.html, err = template.New("").Funcs(functions).ParseFS(assets, "assets/*.html"); err != nil {
		return err
	}
	markdown, err := texttemplate.New("").Funcs(texttemplate.FuncMap{
		"indent": indent, "code": codeSpan, "fence": codeBlock, "line": oneLine, "cell": tableCell,
	}).ParseFS(assets, "assets/*.md")
	if err != nil {
		return err
	}
	p.listPages()
	p.index = p.makeIndex()
	for _, page := range p.pages {
		var b bytes.Buffer
		if err := markdown.ExecuteTemplate(&b, page.template()+".md", p.viewOf(page)); err != nil {
			return err
		}
		page.Markdown = tidyMarkdown(b.String())
		if page.brief = p.briefOf(page); page.template() == "changelog" {
			page.brief = briefChangelog(page.Markdown, p.versions)
		}
		p.files[page.Path+".md"] = newFile("page.md", []byte(page.Markdown))
	}
	for _, page := range p.pages {
		content, err := p.page(page.template(), p.viewOf(page))
		if err != nil {
			return err
		}
		p.files[page.Path] = newFile("page.html", content)
	}
	var b bytes.Buffer
	if err := markdown.ExecuteTemplate(&b, "llms.md", view{Portal: p, Page: p.pages[0]}); err != nil {
		return err
	}
	p.files[Base+"/llms.txt"] = newFile("llms.txt", []byte(tidyMarkdown(b.String())))
	return nil
}

// page fills in an HTML template within the layout.
func (p *Portal) page(name string, v view) ([]byte, error) {
	layout, err := p.html.Clone()
	if err != nil {
		return nil, err
	}
	if _, err := layout.AddParseTree("content", p.html.Lookup(name+".html").Tree); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := layout.ExecuteTemplate(&b, "layout.html", v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// listPages says which pages there are: the whole reference, one for each operation, and the changelog.
func (p *Portal) listPages() {
	p.pages = []*Page{{Path: Base, Title: p.reference.Title, Description: oneLine(p.reference.Description)}}
	for _, op := range p.reference.Operations {
		p.pages = append(p.pages, &Page{
			Path: Base + "/operations/" + url.PathEscape(op.ID), Parent: Base, Title: op.Title, Description: op.Method + " " + op.Path,
		})
	}
	p.pages = append(p.pages, &Page{Path: Base + "/changelog", Parent: Base, Title: "Changelog", Description: "What changed from version to version, and what of it breaks callers."})
}

// shownOn lists the operations that a page shows.
func (p *Portal) shownOn(page *Page) []*Operation {
	if page.Path == Base {
		return p.reference.Operations
	}
	for _, op := range p.reference.Operations {
		if page.Path == Base+"/operations/"+url.PathEscape(op.ID) {
			return []*Operation{op}
		}
	}
	return nil
}

// connections are the ways to tell an AI tool of the MCP server.
type connections struct {
	URL, JSON, Claude string
	Cursor, VSCode    template.URL
}

// connect writes them for the server's address.
func connect(address string) connections {
	type server struct {
		Name string `json:"name,omitempty"`
		Type string `json:"type,omitempty"`
		URL  string `json:"url"`
	}
	snippet, _ := indented(map[string]map[string]server{"mcpServers": {"nudge": {Type: "http", URL: address}}})
	cursor, _ := json.Marshal(server{URL: address})
	code, _ := json.Marshal(server{Name: "nudge", Type: "http", URL: address})
	return connections{
		URL: address, JSON: snippet, Claude: "claude mcp add --transport http nudge " + shell.Word(address),
		// Both are made here from a checked URL, not by a caller.
		Cursor: template.URL("cursor://anysphere.cursor-deeplink/mcp/install?name=nudge&config=" + url.QueryEscape(base64Of(cursor))),
		VSCode: template.URL("vscode:mcp/install?" + url.PathEscape(string(code))),
	}
}
