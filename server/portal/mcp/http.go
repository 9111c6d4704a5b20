package mcp

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

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
		if !allowedHost(r.Host, own.Host) {
			refuse(w, http.StatusForbidden, fmt.Sprintf("The host of the request is not this server's: use %s, or start the server with its --public-url.", s.config.Portal.URL(Path)))
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != own.Scheme+"://"+own.Host && !sameHost(origin, r.Host) {
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

// allowedHost tells whether a request's host is the public one, this machine, or an address, which no name server gives.
func allowedHost(host, public string) bool {
	if strings.EqualFold(host, public) {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	return strings.EqualFold(name, "localhost") || net.ParseIP(name) != nil
}

// sameHost tells whether an origin is the host that was asked.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, host)
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
