package server

import (
	"context"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/internal/openapi"
)

// places bounds the requests that are processed at once. They are shared: an account may take as many as would be left for
// each if every account that has some, and one more, had as many.
type places struct {
	limit int

	mu       sync.Mutex
	taken    int
	accounts map[string]int
	// open counts the requests that were let in, those whose bodies are still being read included.
	open     int
	draining bool
	// drained is closed when no request is open while draining.
	drained chan struct{}
}

func newPlaces(limit int) *places {
	return &places{limit: limit, accounts: map[string]int{}, drained: make(chan struct{})}
}

// enter lets a request in, unless the server is draining.
func (p *places) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return &Error{Code: CodeUnavailable, Note: "the server is shutting down"}
	}
	p.open++
	return nil
}

func (p *places) exit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	if p.draining && p.open == 0 {
		close(p.drained)
	}
}

// take gives an account a place, if one is left for it.
func (p *places) take(account string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	active := len(p.accounts)
	if p.accounts[account] == 0 {
		active++
	}
	if p.taken >= p.limit || p.accounts[account] >= max(p.limit/(active+1), 1) {
		return false
	}
	p.taken++
	p.accounts[account]++
	return true
}

func (p *places) leave(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.accounts[account]--; p.accounts[account] == 0 {
		delete(p.accounts, account)
	}
}

// drain lets nobody in any more; what it gives is closed when nobody is left.
func (p *places) drain() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.draining && p.open == 0 {
		close(p.drained)
	}
	p.draining = true
	return p.drained
}

// letIn lets a request of an operation in.
func (s *Server) letIn(op openapi.Operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			callOf(c).operation = op.ID
			if err := s.places.enter(); err != nil {
				return err
			}
			defer s.places.exit()
			return next(c)
		}
	}
}

// limitInFlight answers 20429 at once instead of queueing: the caller can try again, and memory stays bounded. The body has
// been read before, so that a caller who sends it slowly holds no place.
func (s *Server) limitInFlight(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		account := callOf(c).accountSID
		if !s.places.take(account) {
			return &Error{Code: CodeTooManyRequests}
		}
		defer s.places.leave(account)
		return next(c)
	}
}

// InFlight is how many requests of the document's operations are being answered now.
func (s *Server) InFlight() int {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	return s.places.open
}

// Drain answers every new request 20503 and waits for those in flight, or for ctx.
func (s *Server) Drain(ctx context.Context) error {
	select {
	case <-s.places.drain():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
