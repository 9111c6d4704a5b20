package portal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// policy lets a page use this server's own style and script and talk to this server, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// file is something that is served as it is.
type file struct {
	contentType string
	content     []byte
	etag        string
}

// contentTypes are those that the machine's own table may lack or have otherwise.
var contentTypes = map[string]string{
	".atom": "application/atom+xml; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
	".md": "text/markdown; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".yaml": "application/yaml",
}

func newFile(name string, content []byte) file {
	sum := sha256.Sum256(content)
	// Weak: the same for all encodings of the content.
	return file{contentType: contentTypes[path.Ext(name)], content: content, etag: `W/"` + hex.EncodeToString(sum[:8]) + `"`}
}

func (f file) version() string { return strings.Trim(f.etag, `W/"`) }

// Handler answers what is under the portal's path, compressed for those who take it.
func (p *Portal) Handler() (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(512))
	if err != nil {
		return nil, err
	}
	return wrap(http.HandlerFunc(p.serve)), nil
}

// Mount answers what is under Base with the documentation and leaves the rest to next. Browsers that open the server's root are led
// there.
func Mount(documentation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, Base); ok && (rest == "" || rest[0] == '/' || rest == ".md") {
			documentation.ServeHTTP(w, r)
			return
		}
		isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
		if (r.URL.Path == "/" || r.URL.Path == "/doc" || r.URL.Path == "/docs") && isRead && strings.Contains(r.Header.Get("Accept"), "text/html") {
			// Relative: a proxy may have the server below a path.
			w.Header().Set("Location", strings.TrimPrefix(Base, "/"))
			w.Header().Set("Vary", "Accept")
			w.WriteHeader(http.StatusFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Below answers what is below the path of the public URL like what is not: a proxy may keep the path or take it off.
func (p *Portal) Below(next http.Handler) http.Handler {
	if p.prefix == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, below := strings.CutPrefix(r.URL.Path, p.prefix+"/")
		raw, rawBelow := strings.CutPrefix(r.URL.EscapedPath(), p.prefix+"/")
		if r.URL.Path == p.prefix {
			below, rawBelow = true, true
			path, raw = "", ""
		}
		if !below || !rawBelow {
			next.ServeHTTP(w, r)
			return
		}
		stripped := *r
		u := *r.URL
		u.Path = "/" + path
		if u.RawPath != "" {
			u.RawPath = "/" + raw
		}
		stripped.URL = &u
		next.ServeHTTP(w, &stripped)
	})
}

func (p *Portal) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "The documentation is only read: GET or HEAD.", http.StatusMethodNotAllowed)
		return
	}
	if path, ok := strings.CutSuffix(r.URL.EscapedPath(), "/"); ok {
		if _, is := p.files[path]; is || p.Page(path) != nil {
			to := url.URL{Path: p.Link(strings.TrimSuffix(r.URL.Path, "/")), RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
			return
		}
	}
	header.Set("Cache-Control", "no-cache")
	if f, ok := p.file(r.URL.EscapedPath()); ok {
		if r.URL.Query().Get("v") == f.version() {
			header.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		f.serve(w, r)
		return
	}
	switch r.URL.Path {
	case p.Path("/search"):
		p.serveSearch(w, r)
	case p.Path("/search.json"):
		hits := p.Search(query(r), r.URL.Query().Get("type"))
		for i := range hits {
			hits[i].Path = p.Link(hits[i].Path)
		}
		if hits == nil {
			hits = []Hit{}
		}
		content, err := json.Marshal(hits)
		if err != nil {
			http.Error(w, "The result cannot be written.", http.StatusInternalServerError)
			return
		}
		newFile("search.json", content).serve(w, r)
	default:
		p.serveNotFound(w, r)
	}
}

// serveNotFound names the way back: as a page in a browser, as text elsewhere.
func (p *Portal) serveNotFound(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		if content, err := p.page("notfound", view{Portal: p, Page: &Page{Path: p.Path(""), Parent: p.Path(""), Title: "No such page"}}); err == nil {
			w.Header().Set("Content-Type", contentTypes[".html"])
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write(content)
			return
		}
	}
	w.Header().Set("Content-Type", contentTypes[".txt"])
	w.WriteHeader(http.StatusNotFound)
	_, _ = fmt.Fprintf(w, "There is no such page. All pages: %s\n", p.URL(p.Path("/llms.txt")))
}

// query is what is searched for; what is too long is cut.
func query(r *http.Request) string {
	q := r.URL.Query().Get("q")
	return strings.ToValidUTF8(q[:min(len(q), MaxQuery)], "")
}

// serveSearch is the page of results, for readers without JavaScript.
func (p *Portal) serveSearch(w http.ResponseWriter, r *http.Request) {
	q := query(r)
	content, err := p.page("search", view{
		Portal: p, Page: &Page{Path: p.Path("/search"), Parent: p.Path(""), Title: "Search"}, Query: q, Found: p.Search(q, r.URL.Query().Get("type")),
	})
	if err != nil {
		http.Error(w, "The page cannot be written.", http.StatusInternalServerError)
		return
	}
	newFile("search.html", content).serve(w, r)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}
