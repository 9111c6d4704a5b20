// Package servertest runs a faithful server of the document's operations in a test, in one line:
//
//	s := servertest.New(t)
//
// s.URL, s.AccountSID and s.AuthToken are all that a client needs, the official SDKs included; s.Requests tells what it
// was asked. Every challenge exists, and one that is named by challenges.Code answers that error. The server judges its
// own answers by the document and fails the test if one is not as declared.
package servertest

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/internal/judge"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/delivery"
)

// Server is a running server, closed when the test ends.
type Server struct {
	// URL is the server's base URL, http://127.0.0.1:PORT.
	URL string
	// AccountSID and AuthToken are credentials that it accepts.
	AccountSID, AuthToken string
	// Handler is the server without its listener.
	Handler http.Handler

	queue *delivery.Memory

	mu       sync.Mutex
	requests []Request
}

// Request is one request that the server was sent.
type Request struct {
	Method string
	// Path is the path as it was sent, escaped.
	Path   string
	Query  url.Values
	Header http.Header
	// Body is the first 64 KiB of the body; Form its fields, when they can be read.
	Body []byte
	Form url.Values
	// Status is what it was answered.
	Status int
}

// keptBody is how much of a request's body is kept, in bytes.
const keptBody = 64 << 10

// New runs a server for the test. A configure function may replace any part of its configuration.
func New(t testing.TB, configure ...func(*server.Config)) *Server {
	t.Helper()
	s := &Server{
		AccountSID: accounts.DevelopmentSID,
		AuthToken:  accounts.DevelopmentToken,
		queue:      delivery.NewMemory(slog.New(slog.DiscardHandler)),
	}
	config := server.Config{
		Accounts:   accounts.Development(),
		Challenges: challenges.Any{},
		Queue:      s.queue,
	}
	for _, f := range configure {
		f(&config)
	}
	handler, err := server.New(config)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	judge, err := judge.New()
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	s.Handler = s.record(judge.Handler(handler, func(r *http.Request, err error) {
		t.Errorf("servertest: the answer to %s %.200s is not as the document declares: %v", r.Method, r.URL, err)
	}))
	running := httptest.NewUnstartedServer(s.Handler)
	running.Listener = handler.Listener(running.Listener)
	running.Config.DisableGeneralOptionsHandler = true
	running.Start()
	t.Cleanup(running.Close)
	s.URL = running.URL
	return s
}

// Requests returns what the server was asked so far, in the order in which it answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Notifications returns the notifications that were created so far, unless the test configured its own queue.
func (s *Server) Notifications() []delivery.Notification { return s.queue.Notifications() }

func (s *Server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Header: r.Header.Clone()}
		var body bytes.Buffer
		r.Body = &teeBody{ReadCloser: r.Body, kept: &body}
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			request.Status = answer.status
			request.Body = body.Bytes()
			if form, err := url.ParseQuery(body.String()); err == nil {
				request.Form = form
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.requests = append(s.requests, request)
		}()
		next.ServeHTTP(answer, r)
	})
}

// teeBody keeps the start of what is read through it.
type teeBody struct {
	io.ReadCloser
	kept *bytes.Buffer
}

func (b *teeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.kept.Write(p[:min(n, keptBody-b.kept.Len())])
	return n, err
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
