package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// ErrDenied means that the NATS user lacks a right.
var ErrDenied = errors.New("jetstream: the NATS user lacks a right (deploy/cluster/nats.conf has the rights of each)")

// denials are the rights that were found missing. The server tells them apart from what was asked, which just takes too long.
type denials struct {
	mu      sync.Mutex
	last    error
	happens chan struct{}
	// listening is one without which nothing is heard; it stays.
	listening error
}

// note keeps a denial, and ends what waits.
func (d *denials) note(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = fmt.Errorf("%w: %w", ErrDenied, err)
	if strings.Contains(err.Error(), "Subscription") {
		d.listening = d.last
	}
	if d.happens != nil {
		close(d.happens)
	}
	d.happens = make(chan struct{})
}

// until is ctx, cancelled by a denial; errorOf tells why something failed.
func (d *denials) until(ctx context.Context) (guarded context.Context, errorOf func(error) error, cancel func()) {
	d.mu.Lock()
	if d.happens == nil {
		d.happens = make(chan struct{})
	}
	happens := d.happens
	d.mu.Unlock()
	guarded, cancel = context.WithCancel(ctx)
	go func() {
		select {
		case <-happens:
			cancel()
		case <-guarded.Done():
		}
	}()
	errorOf = func(err error) error {
		select {
		case <-happens:
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.last
		default:
			return err
		}
	}
	return guarded, errorOf, cancel
}

// forget is called when there is another connection: what is denied on it is told anew.
func (d *denials) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listening = nil
}

func (d *denials) ready() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listening
}

// reachable says in words why no server could be connected to.
func reachable(err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return fmt.Errorf("the NATS servers refuse the user or the password: %w", err)
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("no NATS server can be reached: nobody answers: %w", err)
	}
	return fmt.Errorf("no NATS server can be reached: %w", err)
}

// seldom logs a warning once, and then every some seconds while it goes on.
type seldom struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// every is how often the same is said.
const every = 10 * time.Second

func (s *seldom) warn(log *slog.Logger, text string, attributes ...any) {
	s.mu.Lock()
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	isSoon := time.Since(s.last[text]) < every
	if !isSoon {
		s.last[text] = time.Now()
	}
	s.mu.Unlock()
	if !isSoon {
		log.Warn(text, attributes...)
	}
}
