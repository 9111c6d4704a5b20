package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// send sends a request.
func (r *runner) send(ctx context.Context, q request) answer {
	if r.limiter != nil {
		if err := r.limiter.Wait(ctx); err != nil {
			return answer{err: err}
		}
	}
	r.mu.Lock()
	r.requests++
	r.mu.Unlock()
	u, err := url.Parse(r.base)
	if err != nil {
		return answer{err: err}
	}
	path := u.EscapedPath() + q.path
	if strings.HasPrefix(path, "//") {
		// Opaque would make it another host's.
		u.Path, _ = url.PathUnescape(path)
		u.RawPath = path
	} else {
		// Sent as it stands, malformed or not.
		u.Path, u.RawPath, u.Opaque = "", "", path
	}
	u.RawQuery = q.query
	var body io.Reader
	if q.body != nil {
		body = bytes.NewReader(q.body)
		if q.chunked {
			body = io.MultiReader(body)
		}
	}
	request, err := http.NewRequestWithContext(ctx, q.method, r.base, body)
	if err != nil {
		return answer{err: err}
	}
	request.URL = u
	request.Header = q.header.Clone()
	if !q.anonymous {
		r.authenticate(request, q)
		if own := r.account; own != nil && q.account == nil {
			request.SetBasicAuth(own.username, own.password)
		}
	}
	if q.account != nil {
		request.SetBasicAuth(q.account.username, q.account.password)
	}
	response, err := r.do(request, q)
	if err != nil {
		return answer{err: err, at: time.Now()}
	}
	defer func() { _ = response.Body.Close() }()
	r.hasFailed.Store(response.StatusCode >= http.StatusInternalServerError)
	sent, _ := url.Parse(q.url(r.base))
	a := answer{url: sent, status: response.StatusCode, header: response.Header, at: time.Now(), sent: request.Header}
	if a.stream = isStream(response.Header.Get("Content-Type")); a.stream {
		// It may never end: it is judged by its head.
		return a
	}
	if a.body, a.err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1)); a.err != nil {
		a.err = fmt.Errorf("it begins with %d %s, and its body is cut off: %w", a.status, http.StatusText(a.status), a.err)
	}
	return a
}

// authenticate adds the run's own headers and parameters of the query.
func (r *runner) authenticate(to *http.Request, q request) {
	for name, values := range r.header {
		if other, ok := q.instead[name]; ok {
			values = []string{other}
		}
		if own := to.Header.Get(name); name == "Cookie" && own != "" {
			values = []string{own + "; " + strings.Join(values, "; ")}
		}
		to.Header[name] = slices.Clone(values)
	}
	own := url.Values{}
	for name, values := range r.query {
		if other, ok := q.instead["?"+name]; ok {
			values = []string{other}
		}
		own[name] = values
	}
	to.URL.RawQuery = joined(to.URL.RawQuery, encoded(own))
}

// do sends a request, and once more where it met a connection that the server had closed after it had failed, as many do
// without saying so (RFC 9112 section 9.3.1). A server that closes it at other times has lost a request.
func (r *runner) do(request *http.Request, q request) (*http.Response, error) {
	var reused atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(of httptrace.GotConnInfo) { reused.Store(of.Reused) }}
	traced := request.WithContext(httptrace.WithClientTrace(request.Context(), trace))
	failed := r.hasFailed.Swap(false)
	response, err := r.client.Do(traced)
	if err == nil || !failed || !reused.Load() || os.IsTimeout(err) || request.Context().Err() != nil {
		return response, err
	}
	r.client.CloseIdleConnections()
	if q.body != nil {
		request.Body = io.NopCloser(bytes.NewReader(q.body))
	}
	return r.client.Do(request)
}
