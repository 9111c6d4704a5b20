package delivery_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// script is a channel whose results a test writes; without any left it repeats the last.
type script struct {
	mu       sync.Mutex
	results  []delivery.Result
	attempts []delivery.Attempt
	// began, if any, is told of each attempt.
	began chan bool
	// hold, if any, is received from in each attempt, or the attempt's context ends; only, if any, is the one address
	// that it is for.
	hold chan bool
	only string
}

func (s *script) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	s.mu.Lock()
	s.attempts = append(s.attempts, a)
	result := s.results[min(len(s.attempts), len(s.results))-1]
	hold := s.hold
	s.mu.Unlock()
	if s.began != nil {
		s.began <- true
	}
	if hold != nil && (s.only == "" || s.only == a.Address) {
		select {
		case <-hold:
		case <-ctx.Done():
			return delivery.Again(0, ctx.Err().Error())
		}
	}
	return result
}

// Present lets what this channel sends be acknowledged.
func (*script) Present(delivery.Device) bool { return true }

// tried gives the attempts so far.
func (s *script) tried() []delivery.Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.attempts)
}

// bench is a queue with its parts, at deliverytest.Start.
type bench struct {
	*delivery.Queue
	clock   *delivery.ManualClock
	store   delivery.Store
	channel *script

	mu      sync.Mutex
	events  []string
	onEvent func(delivery.Event)
}

func (b *bench) history() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.events, " ")
}

func newBench(t *testing.T, results ...delivery.Result) *bench {
	t.Helper()
	b := &bench{clock: delivery.NewManualClock(deliverytest.Start), store: memstore.New(), channel: &script{results: results}}
	b.start(t)
	return b
}

// start makes the queue, of what the store holds.
func (b *bench) start(t *testing.T) {
	t.Helper()
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: b.store, Channels: map[string]delivery.Channel{"stream": b.channel}, Clock: b.clock,
		Random: func() float64 { return 0.5 },
		Observe: func(e delivery.Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, string(e.Type))
			if b.onEvent != nil {
				b.onEvent(e)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.Close() })
	b.Queue, b.clock.Settle = queue, queue.Idle
}

func (b *bench) add(t *testing.T, n delivery.Notification) {
	t.Helper()
	if err := b.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.Idle()
}

// expect checks the state and the number of attempts, and that no other notification is pending.
func (b *bench) expect(t *testing.T, n delivery.Notification, state delivery.State, attempts int) {
	t.Helper()
	record, err := b.Find(t.Context(), n.SID)
	if err != nil || record.State != state || record.Attempts != attempts || record.Ended.IsZero() != (state == delivery.Pending) {
		t.Errorf("found %+v, %v; want %s after %d attempts (%s)", record, err, state, attempts, b.history())
	}
	if pending := b.Pending(); (pending > 0) != (state == delivery.Pending) {
		t.Errorf("%d pending, state %s", pending, state)
	}
}
