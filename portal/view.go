package portal

import (
	"encoding/json"
	"slices"

	"github.com/nudgehq/nudge/internal/docdiff"
)

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
func (v view) Whole() bool { return v.Page.Path == v.Path("") }

// Alone tells that the page describes one operation and nothing else.
func (v view) Alone() bool { return !v.Whole() && len(v.Operations) == 1 }

// Nav lists the pages of the reference that a page links to: all, or of many operations those of its own group.
func (v view) Nav() []*Page {
	return slices.DeleteFunc(slices.Clone(v.pages), func(page *Page) bool {
		return page.guide != nil || v.isGrouped() && page.Parent != "" && page.Parent != v.Path("") && page.Parent != v.Page.Path && page.Parent != v.Page.Parent
	})
}

// Home is the path of the portal that has the search and the tools.
func (v view) Home() string { return v.home().Path("") }

// Beside lists the first pages of further documents, and from theirs the first page of the portal that they stand in.
func (v view) Beside() (list []*Page) {
	if home := v.config.within; home != nil {
		// Its own pages are made later.
		return []*Page{{Path: home.Path(""), Title: home.reference.Title, Description: plain(home.reference.Description)}}
	}
	for _, of := range v.beside {
		list = append(list, of.pages[0])
	}
	return list
}

// Guides lists the pages of guides.
func (v view) Guides() []*Page {
	return slices.DeleteFunc(slices.Clone(v.pages), func(page *Page) bool { return page.guide == nil })
}

// IsNested tells whether a page stands below another one than the first.
func (v view) IsNested(page *Page) bool {
	return page.Parent != "" && page.Path != v.Path("") && page.Parent != v.Path("")
}

// IsOwn tells that the document's operations are of the server that shows it.
func (v view) IsOwn() bool { return v.isOwn() }

// Groups are the operations by their tags, on the first page of many.
func (v view) Groups() []*Group {
	if v.Whole() {
		return v.groups
	}
	return nil
}

// Listed are the operations that the page lists, and links to.
func (v view) Listed() []*Operation {
	if v.Page.group == nil {
		return nil
	}
	return v.Page.group.Operations
}

// PathOf is the page of an operation.
func (v view) PathOf(op *Operation) string { return v.pathOf(op) }

// Look for the templates.
func (v view) Look() Look { return v.config.Look }

// HasMark tells whether the portal has a mark of its own.
func (v view) HasMark() bool { return len(v.config.Look.Mark) > 0 }

// Errors are the rows of the error table: on each page, and of many operations on the first.
func (v view) Errors() []Error {
	if v.isGrouped() && !v.Whole() {
		return nil
	}
	return v.reference.Errors
}

// Severities are those that the changes have, where they are several: the most severe first.
func (v view) Severities() []docdiff.Severity {
	var all []docdiff.Severity
	for _, version := range v.versions {
		for _, c := range version.Counts() {
			all = append(all, c.Severity)
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	if all = slices.Compact(all); len(all) < 2 {
		return nil
	}
	return all
}

// HasChangelog tells whether there is one.
func (v view) HasChangelog() bool { return v.Portal.Page(v.Path("/changelog")) != nil }

// MCP is how AI tools are told of the MCP server.
func (v view) MCP() connections { return connect(v.home().Slug(), v.URL(v.home().Path("/mcp"))) }

// Base is the path of the portal.
func (v view) Base() string { return v.Path("") }

// Asset is the address of a stylesheet or a script; it changes with the content.
func (v view) Asset(name string) string {
	path := v.Path("/assets/" + name)
	return v.Link(path) + "?v=" + v.files[path].version()
}

func (p *Portal) viewOf(page *Page) view {
	return view{Portal: p, Page: page, Operations: page.operations}
}

// operationView is an operation with what its template needs of the portal.
type operationView struct {
	*Operation
	Base string
	// Alone tells that the page is the operation's own: its title is the page's.
	Alone bool
	// schemes are those that the document declares.
	schemes []Scheme
}

// HasScheme tells whether a scheme is declared, and can be led to.
func (v operationView) HasScheme(name string) bool {
	return slices.ContainsFunc(v.schemes, func(s Scheme) bool { return s.Name == name })
}

// For gives an operation to its template.
func (v view) For(o *Operation) operationView {
	return operationView{o, v.Link(v.Path("")), v.Alone(), v.reference.Schemes}
}

// HasConsole tells whether the page has consoles.
func (v view) HasConsole() bool { return !v.config.AnyAPI && len(v.Operations) > 0 }

// consoleView is what the console's template needs.
type consoleView struct {
	Operation             *Operation
	Credentials           Credentials
	Devices, DeviceTokens bool
	// Prefix stands before every path of the server.
	Prefix string
}

// Exemplified is the value of a field of the body in the samples; empty when they leave it out.
func (v consoleView) Exemplified(field string) string {
	examples := v.Operation.Body.Content[0].Examples
	if len(examples) == 0 {
		return ""
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(examples[0].Value), &values); err != nil || values[field] == nil {
		return ""
	}
	return scalar(values[field])
}

// ConsoleFor gives an operation to the console's template.
func (v view) ConsoleFor(o *Operation) consoleView {
	return consoleView{Operation: o, Credentials: v.config.Credentials, Devices: v.config.Devices, DeviceTokens: v.config.DeviceTokens, Prefix: v.prefix}
}
