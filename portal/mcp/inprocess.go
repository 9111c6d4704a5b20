package mcp

import (
	"bytes"
	"io"
	"net/http"
)

// callerHeader is where the handler leaves the address of a request, whose headers are all that a tool sees of it. What a
// caller sends under this name is overwritten.
const callerHeader = "Nudge-Mcp-Caller"

// caller is who asked for a call: its address, and what proxies say of it.
type caller struct {
	address   string
	forwarded []string
}

type callerKey struct{}

func callerOf(header http.Header) caller {
	return caller{header.Get(callerHeader), header.Values("X-Forwarded-For")}
}

// InProcess calls a handler of this process, without a connection.
type InProcess struct{ Handler http.Handler }

// RoundTrip answers the request.
func (p InProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	request := r.Clone(r.Context())
	// A server's request has these, a client's has not.
	request.RequestURI = r.URL.RequestURI()
	request.Host = r.URL.Host
	request.RemoteAddr = "127.0.0.1:0"
	if from, _ := r.Context().Value(callerKey{}).(caller); from.address != "" {
		// Who tries credentials through a tool is counted like any other caller.
		request.RemoteAddr = from.address
		request.Header["X-Forwarded-For"] = from.forwarded
	}
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
