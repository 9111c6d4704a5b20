package portal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// mostIndexed is how many fields the index of a static site has at most; beyond it has none: it is loaded as a whole.
const mostIndexed = 4000

// Export writes a portal of Config.Static into a folder: pages, Markdown, the document and an index for the search, which any file
// server can serve from any path. What was written before is overwritten; other files stay.
func (p *Portal) Export(folder string) error {
	s := &site{Portal: p, names: map[string]string{}, taken: map[string]bool{}}
	s.own = regexp.MustCompile(`="` + regexp.QuoteMeta(p.Link(p.Path(""))) + `([/#?.][^"]*)?"`)
	s.absolute = regexp.MustCompile(regexp.QuoteMeta(p.URL(p.Path(""))) + `([A-Za-z0-9%/#._~$&+=:@-]*)`)
	for _, page := range p.pages {
		s.name(page)
	}
	for _, page := range p.pages {
		for _, ending := range forms {
			if !page.has(ending) {
				continue
			}
			f, err := p.fileOf(page, page.Path+ending)
			if err != nil {
				return err
			}
			if err := s.write(folder, s.file(strings.TrimPrefix(page.Path, p.Path(""))+ending), f.content); err != nil {
				return err
			}
		}
	}
	for at, f := range p.files {
		if p.Page(at) == nil && at != p.Path("/mcp.json") {
			if err := s.write(folder, strings.TrimPrefix(at, p.Path("/")), f.content); err != nil {
				return err
			}
		}
	}
	index, err := s.index()
	if err != nil {
		return err
	}
	return s.write(folder, "search-index.json", index)
}

// site is a portal as files.
type site struct {
	*Portal
	// names are the files of pages, without .html, by their path below the portal's.
	names map[string]string
	taken map[string]bool
	// own are the links of pages to each other, absolute those of Markdown.
	own, absolute *regexp.Regexp
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9/_-]+`)

// name gives a page a file that no other has, also where names have no case.
func (s *site) name(page *Page) {
	below := strings.TrimPrefix(page.Path, s.Path(""))
	name := strings.TrimPrefix(notInName.ReplaceAllString(below, "-"), "/")
	if below == "" {
		name = "index"
	}
	for n, first := 2, name; s.taken[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s-%d", first, n)
	}
	s.taken[strings.ToLower(name)] = true
	s.names[below] = name
}

// file is where a path below the portal's stands, with its fragment; empty where the portal has none.
func (s *site) file(below string) string {
	below, fragment, hasFragment := strings.Cut(below, "#")
	below, _, _ = strings.Cut(below, "?")
	name := s.pageFile(below)
	if _, isFile := s.files[s.Path(below)]; name == "" && (isFile || below == "/search-index.json") {
		name = strings.TrimPrefix(below, "/")
	}
	if name == "" {
		return ""
	}
	if hasFragment {
		name += "#" + fragment
	}
	return name
}

// pageFile is where a page stands in one of its forms; empty where below leads to none.
func (s *site) pageFile(below string) string {
	for _, form := range forms {
		page, ok := strings.CutSuffix(below, form)
		if name, isPage := s.names[page]; ok && isPage {
			return name + cmp.Or(form, ".html")
		}
	}
	return ""
}

// write writes a file with its links led to files.
func (s *site) write(folder, name string, content []byte) error {
	up := strings.Repeat("../", strings.Count(name, "/"))
	switch path.Ext(name) {
	case ".html":
		content = s.own.ReplaceAllFunc(content, func(link []byte) []byte {
			if to := s.file(html.UnescapeString(string(s.own.FindSubmatch(link)[1]))); to != "" {
				return []byte(`="` + up + html.EscapeString(to) + `"`)
			}
			return link
		})
	case ".md", ".txt", ".atom":
		base := up
		if s.config.PublicURL != Nowhere {
			base = s.config.PublicURL + "/"
		}
		content = s.absolute.ReplaceAllFunc(content, func(link []byte) []byte {
			below := string(s.absolute.FindSubmatch(link)[1])
			said := strings.TrimRight(below, ".")
			if to := s.file(said); to != "" {
				return []byte(base + to + below[len(said):])
			}
			return link
		})
	}
	file := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	// Everybody may read what a file server serves.
	return os.WriteFile(file, content, 0o644) //nolint:gosec // See above.
}

// index lists what the script of a static site searches: kind, title, file and text.
func (s *site) index() ([]byte, error) {
	const text = 160
	fields := 0
	for _, e := range s.Portal.index {
		if e.isField() {
			fields++
		}
	}
	list := [][4]string{}
	for _, e := range s.Portal.index {
		if !e.isField() || fields <= mostIndexed {
			list = append(list, [4]string{e.kind, e.title, s.file(strings.TrimPrefix(e.path, s.Path(""))), cutAt(e.text, text)})
		}
	}
	return json.Marshal(list)
}

func (e entry) isField() bool {
	return e.kind == "attribute" || e.kind == "parameter" || e.kind == "header"
}

// cutAt bounds a text to n bytes, and an ellipsis.
func cutAt(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
