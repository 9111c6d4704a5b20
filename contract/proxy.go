package contract

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
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
// server answers. report is told of each violation, from several goroutines. Bodies of more than 1 MiB, event
// streams, and bodies in another encoding than gzip pass unjudged. Of the options only [WithDocument], [WithFiles] and [WithWarning] matter.
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
	p := &proxy{judge: j, memory: s.memory, report: report, told: map[string]bool{}, base: strings.TrimSuffix(to.EscapedPath(), "/")}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			// As it came: a rewritten query would hide what a caller sent.
			r.Out.URL.RawQuery = r.In.URL.RawQuery
		},
		Transport: p,
		// A stream's events are not held back.
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			// It is reported already.
			http.Error(w, "The proxy gets no answer from the server.", http.StatusBadGateway)
		},
	}, nil
}

// proxy judges what passes through it.
type proxy struct {
	judge  *conform.Document
	memory *conform.Memory
	report func(Finding)
	// base is what the server's paths have before the document's.
	base string
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

// find finds the operation of a request. A HEAD is a GET without the answer's body.
func (p *proxy) find(method, path string) *conform.Operation {
	op, _ := p.judge.Find(method, path)
	if op == nil && method == http.MethodHead {
		op, _ = p.judge.Find(http.MethodGet, path)
	}
	return op
}

// RoundTrip sends a request, judges it, and judges its answer.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		// A browser's own question: documents do not speak of it.
		return http.DefaultTransport.RoundTrip(r)
	}
	own := *r.URL
	own.Path, own.RawPath = strings.TrimPrefix(r.URL.Path, p.base), strings.TrimPrefix(r.URL.EscapedPath(), p.base)
	op := p.find(r.Method, own.EscapedPath())
	var body []byte
	whole := true
	if op != nil && r.Body != nil {
		var err error
		if body, whole, err = keep(&r.Body); err != nil {
			return nil, err
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		if r.Context().Err() == nil {
			p.report(Finding{
				Time: time.Now(), By: "server", Method: short(r.Method, 20), Path: short(r.URL.EscapedPath(), 300), Status: http.StatusBadGateway,
				Violation: Violation{Rule: "every request is answered (RFC 9110 section 15)", Message: "there is no answer: " + short(reasonOf(err), 300)},
			})
		}
		return nil, err
	}
	find := func(by string, violations []conform.Violation) {
		for _, v := range violationsOf(violations) {
			p.report(Finding{Time: time.Now(), By: by, Method: short(r.Method, 20), Path: short(r.URL.EscapedPath(), 300), Status: response.StatusCode, Violation: v})
		}
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		// What follows is no HTTP.
		return response, nil
	}
	if op == nil {
		if p.isNew(short(r.Method+" "+r.URL.EscapedPath(), 300)) {
			find("caller", []conform.Violation{{Rule: "paths", Message: "the document has no such operation"}})
		}
		return response, nil
	}
	if whole {
		body, whole = decoded(r.Header.Get("Content-Encoding"), body)
	}
	if !whole {
		return response, nil
	}
	header := r.Header.Clone()
	header.Del("Content-Encoding")
	read := op.Read(r.Method, &own, header, body)
	wrong := op.CheckRequest(read)
	find("caller", wrong)
	find("caller", op.CheckQuery(read))
	if len(wrong) > 0 && response.StatusCode < 400 {
		find("server", []conform.Violation{{Rule: wrong[0].Rule, Message: "the server accepts what the document refuses: " + wrong[0].Message}})
	}
	if isStream(response.Header.Get("Content-Type")) {
		// Its end may never come.
		return response, nil
	}
	// Passing it on may change it.
	seen := response.Header.Clone()
	judge := func(answered []byte) {
		answered, ok := decoded(seen.Get("Content-Encoding"), answered)
		if !ok {
			return
		}
		find("server", op.CheckResponse(r.Method, response.StatusCode, seen, answered))
		find("server", op.CheckRelations(conform.Exchange{Request: read, Status: response.StatusCode, Header: seen, Body: answered, Time: time.Now()}, p.memory))
	}
	if response.ContentLength < 0 {
		// It comes in parts, each of which is passed on at once.
		response.Body = &watched{ReadCloser: response.Body, judge: judge}
		return response, nil
	}
	answered, whole, err := keep(&response.Body)
	if err == nil && whole {
		judge(answered)
	}
	return response, err
}

// watched is a body that is judged when all of it has passed.
type watched struct {
	io.ReadCloser
	seen  bytes.Buffer
	judge func(body []byte)
}

// Read passes a part on.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if w.seen.Len() <= maxJudged {
		w.seen.Write(p[:n])
	}
	if errors.Is(err, io.EOF) && w.judge != nil && w.seen.Len() <= maxJudged {
		w.judge(w.seen.Bytes())
		w.judge = nil
	}
	return n, err
}

// decoded is a body without the encoding that its caller has asked for; ok is false when it cannot be judged.
func decoded(encoding string, body []byte) (plain []byte, ok bool) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, true
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, false
		}
		plain, err = io.ReadAll(io.LimitReader(r, maxJudged+1))
		return plain, err == nil && len(plain) <= maxJudged
	}
	return nil, false
}

// keep reads a body and puts it back; whole is false when it is longer than what is judged.
func keep(body *io.ReadCloser) (data []byte, whole bool, err error) {
	data, err = io.ReadAll(io.LimitReader(*body, maxJudged+1))
	if err != nil {
		_ = (*body).Close()
		return nil, false, err
	}
	*body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(data), *body), *body}
	return data, len(data) <= maxJudged, nil
}
