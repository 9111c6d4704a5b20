package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/internal/origin"
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
		r.Header.Set(callerHeader, r.RemoteAddr)
		if !origin.OwnHost(r, own.Host) {
			refuse(w, http.StatusForbidden, fmt.Sprintf("The host of the request is not this server's: use %s, or start the server with its --public-url; a proxy has to pass the host on (nginx: proxy_set_header Host $host).", s.config.Portal.URL(s.config.Portal.Path("/mcp"))))
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
		// Read before it takes a place: a body that comes slowly keeps nobody out.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
		if err != nil {
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is too large; at most %d bytes are read.", maxMessage))
				return
			}
			refuse(w, http.StatusBadRequest, "The request could not be read.")
			return
		}
		var message envelope
		if !json.Valid(body) {
			refuseAs(w, http.StatusBadRequest, codeNotJSON, nil, "The request is not JSON.")
			return
		}
		if json.Unmarshal(body, &message) != nil {
			// A small batch can ask for a large answer, and the protocol has dropped batches.
			refuse(w, http.StatusBadRequest, "The request must be one JSON-RPC message; batches are refused.")
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		select {
		case s.calls <- struct{}{}:
			defer func() { <-s.calls }()
		default:
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, "Too many requests at once; this one was not processed.")
			return
		}
		shaped := &shapedErrors{ResponseWriter: w}
		protection.Handler(streamable).ServeHTTP(shaped, r)
		shaped.finish(message)
	})
}

// envelope is what every message of the protocol has.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
}

// hint tells a person who opens the address in a browser what it is.
func (s *Server) hint(w http.ResponseWriter) {
	w.Header().Set("Allow", http.MethodPost)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusMethodNotAllowed)
	_, _ = fmt.Fprintf(w, "This is an MCP server: it is for AI tools, which POST to it. Give your tool this URL:\n\n  %s\n\nHow, and the documentation for people: %s\n",
		s.config.Portal.URL(s.config.Portal.Path("/mcp")), s.config.Portal.URL(s.config.Portal.Path("")))
}

// Codes of JSON-RPC errors.
const (
	codeNotJSON       = -32700
	codeInvalid       = -32600
	codeUnknownMethod = -32601
)

// refuse answers a request that is none of the protocol's.
func refuse(w http.ResponseWriter, status int, message string) {
	refuseAs(w, status, codeInvalid, nil, message)
}

// refuseAs answers in the protocol's error shape; a nil id is that of a message whose id is not known.
func refuseAs(w http.ResponseWriter, status, code int, id json.RawMessage, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(rpcError(code, id, message))
}

func rpcError(code int, id json.RawMessage, message string) []byte {
	// Strings, numbers and what was JSON can always be written.
	body, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": short(message, maxComplaint)}})
	return body
}

// shapedErrors holds back the library's own errors, which are plain text and repeat what was sent.
type shapedErrors struct {
	http.ResponseWriter
	// status is that of an error that is held back.
	status int
	text   bytes.Buffer
}

func (e *shapedErrors) WriteHeader(status int) {
	if mediaType, _, _ := mime.ParseMediaType(e.Header().Get("Content-Type")); status >= http.StatusBadRequest && mediaType == "text/plain" {
		e.status = status
		return
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *shapedErrors) Write(p []byte) (int, error) {
	if e.status == 0 {
		return e.ResponseWriter.Write(p)
	}
	e.text.Write(p[:min(len(p), max(0, maxComplaint-e.text.Len()))])
	return len(p), nil
}

// finish writes the error that was held back, in the protocol's shape.
func (e *shapedErrors) finish(message envelope) {
	if e.status == 0 {
		return
	}
	code, text := codeInvalid, strings.TrimSpace(e.text.String())
	if strings.HasPrefix(text, "JSON RPC not handled") {
		code, text = codeUnknownMethod, fmt.Sprintf("There is no method %q.", short(message.Method, maxName))
	}
	e.Header().Del("Content-Length")
	refuseAs(e.ResponseWriter, e.status, code, message.ID, text)
}

// Unwrap lets http.ResponseController reach the real writer.
func (e *shapedErrors) Unwrap() http.ResponseWriter { return e.ResponseWriter }
