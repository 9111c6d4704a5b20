package mcp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/internal/origin"
	"github.com/nudgehq/nudge/server/portal"
)

// Handler answers over streamable HTTP, without sessions, in JSON.
//
// It refuses requests of pages of other origins, and requests for a host that is neither the public URL's nor an address:
// a name that an attacker has pointed here would make his page one of ours.
func (s *Server) Handler() http.Handler {
	own, _ := url.Parse(s.config.Portal.URL(""))
	protection := http.NewCrossOriginProtection()
	// The portal has checked the URL.
	_ = protection.AddTrustedOrigin(own.Scheme + "://" + own.Host)
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "Requests of pages of other origins are refused.")
	}))
	streamable := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s.server }, &sdk.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxMessage,
		// The check below knows the public URL, the library's does not.
		DisableLocalhostProtection: true,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !origin.OwnHost(r, own.Host) {
			refuse(w, http.StatusForbidden, fmt.Sprintf("The host of the request is not this server's: use %s, or start the server with its --public-url.", s.config.Portal.URL(Path)))
			return
		}
		if !origin.OwnPage(r, own.Host) {
			refuse(w, http.StatusForbidden, "Requests of pages of other origins are refused.")
			return
		}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			s.hint(w)
			return
		}
		if r.ContentLength > maxMessage {
			refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is %d bytes; at most %d are read.", r.ContentLength, maxMessage))
			return
		}
		// A small batch can ask for a large answer, and the protocol has dropped batches.
		body := bufio.NewReader(http.MaxBytesReader(w, r.Body, maxMessage))
		if isBatch(body) {
			refuse(w, http.StatusBadRequest, "Batches are refused: send one message a request.")
			return
		}
		r.Body = struct {
			io.Reader
			io.Closer
		}{body, r.Body}
		select {
		case s.calls <- struct{}{}:
			defer func() { <-s.calls }()
		default:
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, "Too many requests at once; this one was not processed.")
			return
		}
		protection.Handler(streamable).ServeHTTP(&shortErrors{ResponseWriter: w}, r)
	})
}

// hint tells a person who opens the address in a browser what it is.
func (s *Server) hint(w http.ResponseWriter) {
	w.Header().Set("Allow", http.MethodPost)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusMethodNotAllowed)
	_, _ = fmt.Fprintf(w, "This is an MCP server: it is for AI tools, which POST to it. Give your tool this URL:\n\n  %s\n\nHow, and the documentation for people: %s\n",
		s.config.Portal.URL(Path), s.config.Portal.URL(portal.Base))
}

// refuse answers in the protocol's error shape.
func refuse(w http.ResponseWriter, status int, message string) {
	// Strings and numbers can always be written.
	body, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": -32600, "message": message}})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// isBatch tells whether a message is a list of messages, without taking anything from it.
func isBatch(body *bufio.Reader) bool {
	for n := 1; ; n++ {
		start, err := body.Peek(n)
		if err != nil {
			return false
		}
		if last := start[n-1]; last != ' ' && last != '\t' && last != '\r' && last != '\n' {
			return last == '['
		}
	}
}

// shortErrors cuts the text of the library's own errors, which repeats what was sent.
type shortErrors struct {
	http.ResponseWriter
	status, written int
}

func (e *shortErrors) WriteHeader(status int) {
	if e.status == 0 {
		e.status = status
	}
	if status >= http.StatusBadRequest {
		e.Header().Del("Content-Length")
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *shortErrors) Write(p []byte) (int, error) {
	if e.status < http.StatusBadRequest {
		return e.ResponseWriter.Write(p)
	}
	rest := min(len(p), max(0, maxComplaint-e.written))
	e.written += rest
	if _, err := e.ResponseWriter.Write(p[:rest]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Unwrap lets http.ResponseController reach the real writer.
func (e *shortErrors) Unwrap() http.ResponseWriter { return e.ResponseWriter }
