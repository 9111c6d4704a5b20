// Package servertest runs a faithful server of the document's operations in a test, in one line:
//
//	s := servertest.New(t)
//
// s.URL, s.AccountSID and s.AuthToken are all that a client needs, the official SDKs included; s.Requests tells what it
// was asked. Every challenge exists, and one that is named by challenges.Code answers that error. The server judges its
// own answers by the document and fails the test if one is not as declared.
//
// Its delivery is real, over a store in memory and a clock that stands until the test moves it:
//
//	device := s.Device(t, serviceSID, identity) // connects
//	n := device.Next(t)                         // what arrives
//	device.Acknowledge(t, n.Sid)
//	s.Advance(5 * time.Minute)                  // what expires, expires now
package servertest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/device"
)

// Server is a running server, closed when the test ends.
type Server struct {
	// URL is the server's base URL, http://127.0.0.1:PORT.
	URL string
	// AccountSID and AuthToken are credentials that it accepts.
	AccountSID, AuthToken string
	// Handler is the operation's handler without its listener.
	Handler http.Handler

	clock *delivery.ManualClock
	queue *delivery.Queue
	key   device.Key

	mu       sync.Mutex
	requests []Request
	events   []delivery.Event
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
		clock:      delivery.NewManualClock(time.Now()),
		key:        device.Key("servertest: a key that everybody knows"),
	}
	hub := &stream.Hub{}
	queue, err := delivery.NewQueue(context.Background(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{challenges.ChannelStream: hub}, Clock: s.clock, Observe: s.observe,
	})
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	s.queue, s.clock.Settle = queue, queue.Idle
	config := server.Config{
		Accounts:   accounts.Development(),
		Challenges: challenges.Any{},
		Queue:      queue,
		Now:        s.clock.Now,
	}
	for _, f := range configure {
		f(&config)
	}
	handler, err := server.New(config)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	devices, err := device.New(device.Config{Queue: queue, Hub: hub, Keys: device.FixedKeys(s.key)})
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	judge, err := conform.New(nudge.OpenAPI)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	s.Handler = s.record(judge.Handler(handler, func(r *http.Request, err error) {
		t.Errorf("servertest: the answer to %s %.200s is not as the document declares: %v", r.Method, r.URL, err)
	}))
	running := httptest.NewUnstartedServer(devices.Mount(s.Handler))
	running.Listener = handler.Listener(running.Listener)
	running.Config.DisableGeneralOptionsHandler = true
	running.Start()
	t.Cleanup(func() {
		_ = devices.Close()
		running.Close()
		_ = queue.Close()
	})
	s.URL = running.URL
	return s
}

func (s *Server) observe(e delivery.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// Advance moves the server's clock. What is due on the way happens, at its own time, before Advance returns.
func (s *Server) Advance(d time.Duration) { s.clock.Advance(d) }

// Requests returns what the server was asked so far, in the order in which it answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Events returns what happened to notifications so far, once nothing more is under way. A test that configured its own
// queue sees none.
func (s *Server) Events() []delivery.Event {
	s.queue.Idle()
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery.Event(nil), s.events...)
}

// Notifications returns the notifications that were created so far.
func (s *Server) Notifications() []delivery.Notification { return s.happened(delivery.EventCreated) }

// Delivered returns the notifications that were delivered so far, each with its device.
func (s *Server) Delivered() []delivery.Notification { return s.happened(delivery.EventDelivered) }

func (s *Server) happened(t delivery.EventType) []delivery.Notification {
	var list []delivery.Notification
	for _, e := range s.Events() {
		if e.Type == t {
			list = append(list, e.Record.Notification)
		}
	}
	return list
}

// Find returns what became of a notification; the error is delivery.ErrNotFound when the server does not know it.
func (s *Server) Find(sid string) (delivery.Record, error) {
	s.queue.Idle()
	return s.queue.Find(context.Background(), sid)
}

func (s *Server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Header: r.Header.Clone()}
		// Read here, because the server does not read the body of what it refuses before.
		body, err := io.ReadAll(io.LimitReader(r.Body, keptBody))
		r.Body = keptReader{io.MultiReader(bytes.NewReader(body), errorReader{err}, r.Body), r.Body}
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			request.Status = answer.status
			request.Body = body
			if form, err := url.ParseQuery(string(body)); err == nil {
				request.Form = form
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.requests = append(s.requests, request)
		}()
		next.ServeHTTP(answer, r)
	})
}

// keptReader is a body whose start was read before.
type keptReader struct {
	io.Reader
	io.Closer
}

// errorReader gives the error that reading the start ended with, at the same place.
type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
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
