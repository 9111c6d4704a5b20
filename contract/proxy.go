package contract

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/internal/conform"
)

// Finding is one thing that is wrong with an exchange that a proxy has seen.
type Finding struct {
	Time time.Time `json:"time"`
	// By says who broke the rule: "caller" or "server".
	By string `json:"by"`
	// Method and Path are the request's, the path without its query and bounded; Status is the answer's.
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Violation
}

// maxJudged bounds a body that is judged, in bytes; longer ones pass unjudged.
const maxJudged = 1 << 20

// Proxy passes requests on to the server at baseURL and judges both directions by the document: what callers send, and what the
// server answers. report is told of each violation, from several goroutines. Of bodies of more than 1 MiB, event streams, and bodies
// in another encoding than gzip only the head is judged. Of the options [WithDocument], [WithFiles], [WithWarning] and [WithIgnored]
// matter.
func Proxy(baseURL string, report func(Finding), options ...Option) (http.Handler, error) {
	to, err := url.Parse(baseURL)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, fmt.Errorf("%w: the URL must be http:// or https:// and a host", ErrUnusable)
	}
	s, err := newSettings(options)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	j, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnusable, s.documentName, err)
	}
	p := &proxy{
		judge: j, memory: s.memory, report: report, told: map[string]bool{}, ignored: s.ignored,
		base: strings.TrimSuffix(to.EscapedPath(), "/"), servers: serverPaths(j.Doc), transport: newTransport(),
	}
	through := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			// As it came: a rewritten query would hide what a caller sent, and a server may look at who forwards.
			r.Out.URL.RawQuery = r.In.URL.RawQuery
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, ok := r.In.Header[name]; ok {
					r.Out.Header[name] = values
				}
			}
			// The caller was told to go on already.
			r.Out.Header.Del("Expect")
		},
		Transport: p,
		// A stream's events are not held back.
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			// It is reported already.
			http.Error(w, "The proxy gets no answer from the server.", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A server may answer while a body comes.
		_ = http.NewResponseController(w).EnableFullDuplex()
		through.ServeHTTP(w, r)
	}), nil
}

// idleTime is how long a connection to the server may be unused: many servers close theirs after some seconds.
const idleTime = 2 * time.Second

// newTransport asks for nothing that the caller has not asked for.
func newTransport() http.RoundTripper {
	plain, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	own := plain.Clone()
	own.DisableCompression, own.IdleConnTimeout, own.MaxIdleConnsPerHost = true, idleTime, own.MaxIdleConns
	return own
}

// proxy judges what passes through it.
type proxy struct {
	judge     *conform.Document
	memory    *conform.Memory
	report    func(Finding)
	transport http.RoundTripper
	// base is what the server's paths have before the document's, servers are the paths of the document's servers.
	base    string
	servers []string
	// ignored are the beginnings of paths that are not judged.
	ignored []string
	// told are the requests for no operation that were told of: each once.
	mu   sync.Mutex
	told map[string]bool
}

// maxTold bounds how many requests for no operation are told of.
const maxTold = 1000

// isNew tells whether a request for no operation is told of now.
func (p *proxy) isNew(request string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told[request] || len(p.told) == maxTold {
		return false
	}
	p.told[request] = true
	return true
}

// find finds the operation of a request, and its URL as the document has it. A HEAD is a GET without the answer's body.
func (p *proxy) find(method string, sent *url.URL) (*conform.Operation, *url.URL) {
	for _, prefix := range append([]string{""}, p.servers...) {
		own := *sent
		before := p.base + strings.TrimSuffix(prefix, "/")
		own.Path, own.RawPath = strings.TrimPrefix(sent.Path, before), strings.TrimPrefix(sent.EscapedPath(), before)
		op, _ := p.judge.Find(method, own.EscapedPath())
		if op == nil && method == http.MethodHead {
			op, _ = p.judge.Find(http.MethodGet, own.EscapedPath())
		}
		if op != nil {
			return op, &own
		}
	}
	return nil, sent
}

// RoundTrip sends a request, judges it, and judges its answer while it passes.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	x := &exchange{proxy: p, request: r, own: r.URL}
	isIgnored := slices.ContainsFunc(p.ignored, func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) })
	// A browser's own question: documents do not speak of it.
	isPreflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if !isPreflight && !isIgnored {
		x.op, x.own = p.find(r.Method, r.URL)
	}
	if x.op != nil && r.Body != nil {
		x.sent = &watched{ReadCloser: r.Body, length: r.ContentLength}
		r.Body = x.sent
	}
	response, err := p.transport.RoundTrip(r)
	if err != nil {
		if r.Context().Err() == nil {
			x.status = http.StatusBadGateway
			x.find("server", conform.Violation{Kind: conform.Connection, Rule: "every request is answered (RFC 9110 section 15)", Message: "there is no answer: " + short(reasonOf(err), 300)})
		}
		return nil, err
	}
	x.status = response.StatusCode
	switch {
	case response.StatusCode == http.StatusSwitchingProtocols:
		// What follows is no HTTP.
	case x.op != nil:
		x.judge(response)
	case !isPreflight && !isIgnored && p.isNew(short(r.Method+" "+r.URL.EscapedPath(), 300)):
		x.find("caller", conform.Violation{Kind: conform.NoOperation, Rule: "paths", Message: "the document has no such operation"})
	}
	return response, nil
}
