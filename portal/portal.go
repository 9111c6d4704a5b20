package portal

import (
	"cmp"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/url"
	"strings"
	texttemplate "text/template"

	"github.com/nudgehq/nudge"
)

// Base is the path that the portal of nudge's own document stands under.
const Base = "/doc/verify_v2"

// Nowhere is the public URL of a static site whose place is not known: its Markdown links to files beside it.
const Nowhere = "http://static.invalid"

//go:embed assets
var embedded embed.FS

// assets are the templates, the stylesheet and the scripts. A test takes pieces out, to see that it is noticed.
var assets fs.FS = embedded

// Config is what a Portal is made of.
type Config struct {
	// Document is the OpenAPI document that is shown. Nil: the embedded one.
	Document []byte
	// Files has what the document refers to in other files, and Fetch what it refers to on hosts; nil: nothing.
	Files fs.FS
	Fetch func(location *url.URL) ([]byte, error)
	// Versions holds the released documents, VERSION.yaml each. Nil: the embedded ones, and none of another API's.
	Versions fs.FS
	// Guides holds texts in Markdown that are shown beside the reference, NAME.md each. Nil: the embedded ones, and none of another
	// API's.
	Guides fs.FS
	// AnyAPI tells that the document is of a team's own API: its samples are of each language's usual HTTP client instead of
	// nudge's client and the official SDKs.
	AnyAPI bool
	// Static tells that the pages are written into files, by Export: there is no MCP server, and the search is the script's.
	Static bool
	// Path is what the portal stands under, of segments of letters, digits, - and _. Empty: Base, or /docs for any API.
	Path string
	// Beside are further documents of the same server.
	Beside []Beside
	// within is the portal that this one stands beside.
	within *Portal
	// Look is how it looks; what is empty is as the document's own x-portal says, or else as nudge's.
	Look Look
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
	// groups are the operations by their tags, where they are too many for one page.
	groups []*Group
	// source is the document's text as a tree.
	source *source
	// beside are the references of further documents.
	beside   []*Portal
	versions []Version
	pages    []*Page
	byPath   map[string]*Page
	index    []entry
	files    map[string]file
	// layouts are the pages' templates by their names, each within the layout.
	layouts  map[string]*template.Template
	markdown *texttemplate.Template
}

// New reads the document and makes the pages.
func New(config Config) (*Portal, error) {
	if config.Document == nil {
		config.Document = nudge.OpenAPI
	}
	if config.Path == "" {
		config.Path = either(config.AnyAPI, "/docs", Base)
	}
	if config.Versions == nil && !config.AnyAPI {
		embedded, err := fs.Sub(nudge.Versions, "versions")
		if err != nil {
			return nil, err
		}
		config.Versions = embedded
	}
	if !prefixPattern.MatchString(config.Path) {
		return nil, errors.New("the path must be of segments such as /docs, of letters, digits, - and _")
	}
	if config.Guides == nil && !config.AnyAPI {
		embedded, err := fs.Sub(nudge.Guides, "docs")
		if err != nil {
			return nil, err
		}
		config.Guides = embedded
	}
	public, prefix, err := parsePublicURL(config.PublicURL)
	if err != nil {
		return nil, err
	}
	// Callers leave a scheme's own port out, and so do their Host headers.
	host := strings.TrimSuffix(public.Host, map[string]string{"http": ":80", "https": ":443"}[public.Scheme])
	config.PublicURL = public.Scheme + "://" + host + prefix

	p := &Portal{config: config, prefix: prefix}
	if p.reference, p.source, err = readReference(config); err != nil {
		return nil, err
	}
	if p.config.Look, err = config.Look.filledIn(p.reference, config.AnyAPI); err != nil {
		return nil, err
	}
	if err := p.addBeside(); err != nil {
		return nil, err
	}
	if err := p.checkPrefix(); err != nil {
		return nil, err
	}
	for _, op := range p.reference.Operations {
		if op.Received != "" {
			continue
		}
		if op.Samples, err = samples(op, p.reference, config); err != nil {
			return nil, err
		}
	}
	if config.Versions != nil {
		if p.versions, err = changelog(config); err != nil {
			return nil, err
		}
	}
	if err := p.renderAsFits(); err != nil {
		return nil, err
	}
	return p, nil
}

// Pages lists the pages, the first one first, and those of further documents last.
func (p *Portal) Pages() (pages []*Page) {
	for _, of := range p.all() {
		pages = append(pages, of.pages...)
	}
	return pages
}

// Page finds a page by its path or its URL, with .md after it or not; a fragment does not matter. It is nil when there is none.
func (p *Portal) Page(address string) *Page {
	address, _, _ = strings.Cut(address, "#")
	if rest, ok := strings.CutPrefix(address, p.config.PublicURL+"/"); ok {
		address = "/" + rest
	} else if rest, ok := strings.CutPrefix(address, p.prefix+"/"); ok {
		address = "/" + rest
	}
	for _, of := range p.all() {
		if page := of.byPath[strings.TrimSuffix(strings.TrimSuffix(address, ".md"), "/")]; page != nil {
			return page
		}
	}
	return nil
}

// Document is the document that is shown, as it was given.
func (p *Portal) Document() []byte { return p.config.Document }

// Reference is the document as a reader sees it.
func (p *Portal) Reference() *Reference { return p.reference }

// Path is a path below the portal's own, which is that of the empty one.
func (p *Portal) Path(below string) string { return p.config.Path + below }

// URL is where a path of the server is reached.
func (p *Portal) URL(path string) string { return p.config.PublicURL + path }

// Link is a path of the server as a page of it links to it.
func (p *Portal) Link(path string) string { return p.prefix + path }

// Slug is the name that AI tools know the documentation by.
func (p *Portal) Slug() string {
	return cmp.Or(strings.ReplaceAll(anchor(p.config.Look.Name), ".", "-"), "api")
}
