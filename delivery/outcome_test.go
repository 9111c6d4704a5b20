package delivery_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

func TestGoneFailsAtOnce(t *testing.T) {
	b := newBench(t, delivery.Gone("410"))
	n := deliverytest.Notification(0)
	b.add(t, n)
	b.expect(t, n, delivery.Failed, 1)
	if record, _ := b.Find(t.Context(), n.SID); record.Reason != "410" {
		t.Errorf("reason %q", record.Reason)
	}
	other := deliverytest.Notification(1)
	other.Channel = "pigeon"
	b.add(t, other)
	b.expect(t, other, delivery.Failed, 1)
}

func TestAttemptThatIsUnderWayAtTheExpiry(t *testing.T) {
	b := newBench(t, done)
	b.channel.hold, b.channel.began = make(chan bool), make(chan bool)
	n := deliverytest.Notification(0)
	n.TTL = time.Second
	if err := b.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	<-b.channel.began
	b.clock.Settle = nil
	b.clock.Advance(time.Second)
	b.Idle()
	b.expect(t, n, delivery.Expired, 1)
}

// flaky is a store whose End fails as often as it is told.
type flaky struct {
	delivery.Store
	mu       sync.Mutex
	failures int
}

func (f *flaky) End(ctx context.Context, records ...delivery.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failures > 0 {
		f.failures--
		return errors.New("the disk is away")
	}
	return f.Store.End(ctx, records...)
}

// An outcome that cannot be recorded is not announced, and the notification is tried again.
func TestOutcomeThatCannotBeRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		result delivery.Result
		state  delivery.State
	}{"delivered": {result: done, state: delivery.Delivered}, "failed": {result: delivery.Gone("410"), state: delivery.Failed}} {
		t.Run(name, func(t *testing.T) {
			b := &bench{clock: delivery.NewManualClock(deliverytest.Start), store: &flaky{Store: memstore.New(), failures: 2}, channel: &script{results: []delivery.Result{c.result}}}
			b.start(t)
			n := deliverytest.Notification(0)
			b.add(t, n)
			b.expect(t, n, delivery.Pending, 1)
			b.clock.Advance(2 * time.Second)
			b.expect(t, n, c.state, 3)
			if strings.Count(b.history(), string(c.state)) != 1 {
				t.Error(b.history())
			}
		})
	}
	t.Run("acknowledged while an attempt is under way", func(t *testing.T) {
		b := &bench{clock: delivery.NewManualClock(deliverytest.Start), store: &flaky{Store: memstore.New(), failures: 1},
			channel: &script{results: []delivery.Result{again, done}, began: make(chan bool), hold: make(chan bool)}}
		b.start(t)
		n := deliverytest.Notification(0)
		if err := b.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		<-b.channel.began
		if err := b.Acknowledge(t.Context(), n.Device, n.SID); !errors.Is(err, delivery.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		b.clock.Settle = nil
		b.clock.Advance(5 * time.Second)
		b.channel.hold <- true
		b.Idle()
		go func() { <-b.channel.began; b.channel.hold <- true }()
		b.clock.Settle = b.Idle
		b.clock.Advance(5 * time.Second)
		b.expect(t, n, delivery.Delivered, 2)
	})
}

// A device that connects again and again does not hurry a receiver that asked to be left alone.
func TestWakeLeavesRetryAfterAlone(t *testing.T) {
	b := newBench(t, delivery.Again(time.Minute, "429"))
	n := deliverytest.Notification(0)
	b.add(t, n)
	for range 5 {
		if err := b.Wake(t.Context(), n.Device); err != nil {
			t.Fatal(err)
		}
		b.Idle()
	}
	b.expect(t, n, delivery.Pending, 1)
}

func TestOutcomesAreKeptAnHour(t *testing.T) {
	b := newBench(t, done)
	stored, once := deliverytest.Notification(0), deliverytest.Notification(1)
	once.TTL = 0
	b.add(t, stored)
	b.add(t, once)
	b.clock.Advance(delivery.Retention)
	for _, n := range []delivery.Notification{stored, once} {
		b.expect(t, n, delivery.Delivered, 1)
	}
	b.clock.Advance(time.Second)
	for _, n := range []delivery.Notification{stored, once} {
		if _, err := b.Find(t.Context(), n.SID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("after an hour: %v", err)
		}
	}
}
