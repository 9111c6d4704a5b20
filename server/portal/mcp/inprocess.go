package mcp

import (
	"bytes"
	"io"
	"net/http"
)

// InProcess calls a handler of this process, without a connection.
type InProcess struct{ Handler http.Handler }

// RoundTrip answers the request.
func (p InProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	request := r.Clone(r.Context())
	// A server's request has these, a client's has not.
	request.RequestURI = r.URL.RequestURI()
	request.Host = r.URL.Host
	request.RemoteAddr = "127.0.0.1:0"
	if request.Body == nil {
		request.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	p.Handler.ServeHTTP(w, request)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.wrote = true
	return a.body.Write(p)
}
