package deliverytest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// Reply is what the far end of a channel does with a request.
type Reply int

// The replies that TestProvider asks for.
const (
	// Accept takes it.
	Accept Reply = iota
	// Unavailable is 503, or the like, and Busy the same with a wish to be asked again after seven seconds.
	Unavailable
	Busy
	// Unknown says that nothing arrives at the address any more.
	Unknown
	// Garbage is an answer that is not the provider's.
	Garbage
	// Reset cuts the request off, in the middle of its handling: the far end panics.
	Reset
	// Hang does not answer.
	Hang
)

// Sent is a request as the far end saw it: the notification's SID, and for how long it was told to keep it.
type Sent struct {
	SID string
	TTL time.Duration
}

// Provider is a channel over HTTP with its far end, as a test sees it.
type Provider struct {
	Channel delivery.Channel
	// Address is that of a device.
	Address string
	// Script has the next requests replied to, in order; the last reply repeats.
	Script func(replies ...Reply)
	// Sent gives the requests so far, and Received is sent to when one comes in.
	Sent     func() []Sent
	Received <-chan bool
}

// providerQueue is a queue over one provider, at Start.
type providerQueue struct {
	*delivery.Queue
	Provider
	clock *delivery.ManualClock
	store *memstore.Store

	mu     sync.Mutex
	events []delivery.EventType
}

// TestProvider tests a channel behind which a provider stands, or a receiver: through a queue, with a clock that the test moves. Open
// makes the channel, whose clock shows now.
func TestProvider(t *testing.T, open func(t *testing.T, now func() time.Time) Provider) {
	start := func(t *testing.T) *providerQueue {
		t.Helper()
		q := &providerQueue{clock: delivery.NewManualClock(Start), store: memstore.New()}
		q.Provider = open(t, q.clock.Now)
		queue, err := delivery.NewQueue(t.Context(), delivery.Config{
			Store: q.store, Clock: q.clock, Random: func() float64 { return 0.5 },
			Channels: map[string]delivery.Channel{"tested": q.Channel}, Observe: q.observe,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = queue.Close() })
		q.Queue, q.clock.Settle = queue, queue.Idle
		return q
	}
	t.Run("a TTL of 0 is tried once, and not kept", func(t *testing.T) {
		for _, reply := range []Reply{Accept, Unavailable, Reset} {
			q := start(t)
			q.Script(reply, Accept)
			n := q.add(t, 1, 0)
			q.clock.Advance(10 * time.Minute)
			q.expectSent(t, Sent{n.SID, 0})
			want := delivery.Expired
			if reply == Accept {
				want = delivery.Delivered
			}
			q.expect(t, n, want)
		}
	})
	t.Run("it is told what remains of the TTL", func(t *testing.T) {
		q := start(t)
		q.Script(Unavailable, Unavailable, Accept)
		n := q.add(t, 1, 5*time.Minute)
		q.clock.Advance(time.Minute)
		q.expectSent(t, Sent{n.SID, 300 * time.Second}, Sent{n.SID, 299 * time.Second}, Sent{n.SID, 297 * time.Second})
		q.expect(t, n, delivery.Delivered)
	})
	t.Run("nothing is sent after the TTL", func(t *testing.T) {
		q := start(t)
		q.Script(Unavailable)
		n := q.add(t, 1, 5*time.Second)
		q.clock.Advance(10 * time.Minute)
		for _, sent := range q.Sent() {
			if sent.TTL <= 0 || sent.TTL > 5*time.Second {
				t.Errorf("told to keep it for %s", sent.TTL)
			}
		}
		q.expect(t, n, delivery.Expired)
	})
	t.Run("a request that hangs ends when the TTL does", func(t *testing.T) {
		q := start(t)
		q.Script(Hang)
		n := q.notification(1, 5*time.Second)
		if err := q.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		q.wait(t)
		q.clock.Settle = nil
		q.clock.Advance(5 * time.Second)
		q.Idle()
		q.expectSent(t, Sent{n.SID, 5 * time.Second})
		q.expect(t, n, delivery.Expired)
	})
	t.Run("a dead address fails at once, and is refused from then on where it is a provider's", func(t *testing.T) {
		q := start(t)
		q.Script(Unknown, Accept)
		n := q.add(t, 1, 5*time.Minute)
		q.expect(t, n, delivery.Failed)
		_, isProvider := q.Channel.(delivery.Provider)
		switch err := q.Add(t.Context(), q.notification(2, 5*time.Minute)); {
		case isProvider && !errors.Is(err, delivery.ErrAddressDead):
			t.Errorf("the next one: %v", err)
		case isProvider && !slices.Contains(q.told(), delivery.EventAddressDead):
			t.Errorf("told %v", q.told())
		case !isProvider && err != nil:
			t.Error(err)
		}
	})
	t.Run("it is tried again when the far end asks for", func(t *testing.T) {
		q := start(t)
		q.Script(Busy, Accept)
		n := q.add(t, 1, 5*time.Minute)
		q.clock.Advance(time.Minute)
		q.expectSent(t, Sent{n.SID, 300 * time.Second}, Sent{n.SID, 293 * time.Second})
		q.expect(t, n, delivery.Delivered)
	})
	for _, reply := range []Reply{Unavailable, Garbage, Reset} {
		t.Run("an attempt is one request: "+[...]string{Unavailable: "unavailable", Garbage: "garbage", Reset: "a panic there"}[reply], func(t *testing.T) {
			q := start(t)
			q.Script(reply)
			n := q.notification(1, 5*time.Minute)
			result := q.Channel.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
			if result.String() != "again" || result.Reason() == "" || len(q.Sent()) != 1 {
				t.Errorf("%s because %q, after %d requests", result, result.Reason(), len(q.Sent()))
			}
			q.Script(reply, Accept)
			delivered := q.add(t, 2, 5*time.Minute)
			q.clock.Advance(time.Minute)
			q.expect(t, delivered, delivery.Delivered)
		})
	}
	t.Run("a provider that is down for a minute loses nothing", func(t *testing.T) { testDown(t, start(t)) })
	t.Run("it returns when the context is done", func(t *testing.T) {
		q := start(t)
		q.Script(Hang)
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan delivery.Result, 1)
		n := q.notification(1, 5*time.Minute)
		go func() {
			results <- q.Channel.Deliver(ctx, delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
		}()
		q.wait(t)
		cancel()
		select {
		case result := <-results:
			if result.String() != "again" || result.Reason() != "no answer in time" {
				t.Errorf("%s because %q", result, result.Reason())
			}
		case <-time.After(30 * time.Second):
			t.Error("it did not return")
		}
	})
}

// testDown has the far end down for a minute, in each of the ways in turn, while notifications come in.
func testDown(t *testing.T, q *providerQueue) {
	ways := []Reply{Unavailable, Reset, Garbage}
	var all []delivery.Notification
	for i := range 30 {
		q.Script(ways[i/10])
		all = append(all, q.add(t, i+1, 5*time.Minute))
		q.clock.Advance(2 * time.Second)
	}
	if q.FailingDestinations("tested") != 1 || !slices.Contains(q.told(), delivery.EventDestinationFails) {
		t.Errorf("%d destinations fail, told %v", q.FailingDestinations("tested"), q.told())
	}
	if tried := len(q.Sent()); tried > 30 {
		t.Errorf("%d requests while it was down", tried)
	}
	q.Script(Accept)
	q.clock.Advance(time.Minute)
	for _, n := range all {
		q.expect(t, n, delivery.Delivered)
	}
	if q.FailingDestinations("tested") != 0 || !slices.Contains(q.told(), delivery.EventDestinationWorks) {
		t.Errorf("%d destinations fail, told %v", q.FailingDestinations("tested"), q.told())
	}
}

func (q *providerQueue) observe(e delivery.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = append(q.events, e.Type)
}

func (q *providerQueue) told() []delivery.EventType {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.events)
}

func (q *providerQueue) notification(i int, ttl time.Duration) delivery.Notification {
	n := Notification(i)
	n.Created, n.TTL, n.Channel, n.Address = q.clock.Now(), ttl, "tested", q.Address
	return n
}

func (q *providerQueue) add(t *testing.T, i int, ttl time.Duration) delivery.Notification {
	t.Helper()
	n := q.notification(i, ttl)
	if err := q.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	q.Idle()
	return n
}

// wait waits for a request.
func (q *providerQueue) wait(t *testing.T) {
	t.Helper()
	select {
	case <-q.Received:
	case <-time.After(30 * time.Second):
		t.Fatal("no request came in")
	}
}

func (q *providerQueue) expectSent(t *testing.T, want ...Sent) {
	t.Helper()
	if got := q.Sent(); !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

func (q *providerQueue) expect(t *testing.T, n delivery.Notification, state delivery.State) {
	t.Helper()
	if record, err := q.Find(t.Context(), n.SID); err != nil || record.State != state {
		t.Errorf("%s is %s because %q, %v; want %s", n.SID, record.State, record.Reason, err, state)
	}
}
