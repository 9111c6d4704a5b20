package delivery_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
)

var (
	again   = delivery.Again(0, "busy")
	done    = delivery.Done()
	offline = delivery.Waiting("offline")
)

func TestDeliveredAtOnce(t *testing.T) {
	b := newBench(t, done)
	n := deliverytest.Notification(0)
	b.add(t, n)
	b.expect(t, n, delivery.Delivered, 1)
	b.clock.Advance(time.Hour)
	if got := b.channel.tried(); len(got) != 1 || got[0].Remaining != n.TTL || got[0].Number != 1 || got[0].Notification != n {
		t.Errorf("attempts %+v", got)
	}
	if b.history() != "created attempted delivered" {
		t.Error(b.history())
	}
}

func TestRetriesFollowTheSchedule(t *testing.T) {
	b := newBench(t, again, again, delivery.Again(20*time.Second, "Retry-After"), again, done)
	n := deliverytest.Notification(0)
	b.add(t, n)
	// 1 s, 2 s, what the receiver asked for instead of 4 s, 8 s.
	for i, step := range []time.Duration{time.Second, 2 * time.Second, 20 * time.Second, 8 * time.Second} {
		b.clock.Advance(step - time.Millisecond)
		b.expect(t, n, delivery.Pending, i+1)
		b.clock.Advance(time.Millisecond)
	}
	b.expect(t, n, delivery.Delivered, 5)
	if last := b.channel.tried()[4]; last.Remaining != n.TTL-31*time.Second {
		t.Errorf("the last attempt told the device %v", last.Remaining)
	}
}

func TestNothingIsSentAfterTheTTL(t *testing.T) {
	b := newBench(t, again)
	n := deliverytest.Notification(0)
	b.add(t, n)
	b.clock.Advance(n.TTL - time.Millisecond)
	tried := len(b.channel.tried())
	// 1+2+4+8+16 s, then every 30 s.
	if tried != 14 {
		t.Errorf("%d attempts in five minutes", tried)
	}
	b.expect(t, n, delivery.Pending, tried)
	b.clock.Advance(time.Millisecond)
	b.expect(t, n, delivery.Expired, tried)
	b.clock.Advance(time.Hour)
	if len(b.channel.tried()) != tried {
		t.Error("it was tried after it had expired")
	}
	if !strings.HasSuffix(b.history(), " expired") {
		t.Error(b.history())
	}
}

func TestOfflineDeviceIsWokenNotPolled(t *testing.T) {
	b := newBench(t, offline, offline, delivery.Sent())
	n := deliverytest.Notification(0)
	b.add(t, n)
	b.clock.Advance(4 * time.Minute)
	b.expect(t, n, delivery.Pending, 1)
	for attempts := 2; attempts <= 3; attempts++ {
		if err := b.Wake(t.Context(), n.Device); err != nil {
			t.Fatal(err)
		}
		b.Idle()
		b.expect(t, n, delivery.Pending, attempts)
	}
	if err := b.Wake(t.Context(), deliverytest.Notification(1).Device); err != nil {
		t.Fatal(err)
	}
	b.Idle()
	if err := b.Acknowledge(t.Context(), deliverytest.Notification(1).Device, n.SID); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("another device's acknowledgement: %v", err)
	}
	b.expect(t, n, delivery.Pending, 3)
	for range 2 {
		if err := b.Acknowledge(t.Context(), n.Device, n.SID); err != nil {
			t.Fatal(err)
		}
		b.expect(t, n, delivery.Delivered, 3)
	}
	if err := b.Wake(t.Context(), n.Device); err != nil {
		t.Fatal(err)
	}
	b.Idle()
	if len(b.channel.tried()) != 3 {
		t.Error("it was sent again after it had been acknowledged")
	}
}

func TestOfflineUntilTheTTLIsNeverSent(t *testing.T) {
	b := newBench(t, offline)
	n := deliverytest.Notification(0)
	b.add(t, n)
	b.clock.Advance(n.TTL)
	b.expect(t, n, delivery.Expired, 1)
	if err := b.Wake(t.Context(), n.Device); err != nil {
		t.Fatal(err)
	}
	b.Idle()
	if len(b.channel.tried()) != 1 {
		t.Error("it was tried after it had expired")
	}
	if err := b.Acknowledge(t.Context(), n.Device, n.SID); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("a late acknowledgement: %v", err)
	}
}

func TestTTLZeroIsTriedOnceAndNeverStored(t *testing.T) {
	once := func() delivery.Notification {
		n := deliverytest.Notification(0)
		n.TTL = 0
		return n
	}
	for name, c := range map[string]struct {
		result delivery.Result
		state  delivery.State
	}{
		"delivered": {result: done, state: delivery.Delivered},
		"offline":   {result: offline, state: delivery.Expired},
		"busy":      {result: again, state: delivery.Expired},
		"gone":      {result: delivery.Gone("410"), state: delivery.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.result)
			n := once()
			b.add(t, n)
			b.expect(t, n, c.state, 1)
			if err := b.Wake(t.Context(), n.Device); err != nil {
				t.Fatal(err)
			}
			b.clock.Advance(time.Hour)
			if got := b.channel.tried(); len(got) != 1 || got[0].Remaining != 0 {
				t.Errorf("attempts %+v", got)
			}
			if _, err := b.store.Find(t.Context(), n.SID); !errors.Is(err, delivery.ErrNotFound) {
				t.Errorf("the store has it: %v", err)
			}
		})
	}
	t.Run("sent and acknowledged", func(t *testing.T) {
		b := newBench(t, delivery.Sent())
		n := once()
		b.add(t, n)
		b.expect(t, n, delivery.Pending, 1)
		if err := b.Acknowledge(t.Context(), n.Device, n.SID); err != nil {
			t.Fatal(err)
		}
		b.expect(t, n, delivery.Delivered, 1)
	})
	t.Run("sent and never acknowledged", func(t *testing.T) {
		b := newBench(t, delivery.Sent())
		n := once()
		b.add(t, n)
		b.clock.Advance(delivery.DefaultAttemptTimeout)
		b.expect(t, n, delivery.Expired, 1)
		if len(b.channel.tried()) != 1 {
			t.Error("it was tried again")
		}
	})
}

func TestRestartTakesUpWhatIsPending(t *testing.T) {
	b := newBench(t, offline)
	kept, late := deliverytest.Notification(0), deliverytest.Notification(1)
	late.TTL = time.Second
	b.add(t, kept)
	b.add(t, late)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Add(t.Context(), deliverytest.Notification(2)); !errors.Is(err, delivery.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	b.clock = delivery.NewManualClock(deliverytest.Start.Add(time.Minute))
	b.channel = &script{results: []delivery.Result{done}}
	b.start(t)
	b.clock.Advance(0)
	if record, err := b.Find(t.Context(), late.SID); err != nil || record.State != delivery.Expired {
		t.Errorf("what expired while nobody was there: %+v %v", record, err)
	}
	b.expect(t, kept, delivery.Delivered, 1)
}

// present is a channel that knows that nobody is there.
type present struct{ script }

func (*present) Present(delivery.Device) bool { return false }

func TestRestartDoesNotTryDevicesThatAreKnownToBeOffline(t *testing.T) {
	b := newBench(t, offline)
	n := deliverytest.Notification(0)
	b.add(t, n)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	channel := &present{script{results: []delivery.Result{done}}}
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: b.store, Channels: map[string]delivery.Channel{"stream": channel}, Clock: b.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	b.clock.Settle = queue.Idle
	b.clock.Advance(time.Second)
	if tried := len(channel.tried()); tried != 0 {
		t.Errorf("%d attempts", tried)
	}
	if err := queue.Wake(t.Context(), n.Device); err != nil {
		t.Fatal(err)
	}
	queue.Idle()
	if tried := len(channel.tried()); tried != 1 {
		t.Errorf("%d attempts after the device connected", tried)
	}
}

func TestBackoff(t *testing.T) {
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 1000: 30 * time.Second} {
		low, high := delivery.Backoff(attempt, 0), delivery.Backoff(attempt, 0.999999)
		if delivery.Backoff(attempt, 0.5) != want || low != want*8/10 || high <= want || high > want*12/10 {
			t.Errorf("attempt %d: %v to %v, want around %v", attempt, low, high, want)
		}
	}
}

func TestPartitionOf(t *testing.T) {
	seen := map[int]bool{}
	for i := range 2000 {
		d := delivery.Device{ServiceSID: "VA1", Identity: fmt.Sprint(i)}
		p := delivery.PartitionOf(d)
		if p < 0 || p >= delivery.Partitions || p != delivery.PartitionOf(d) {
			t.Fatalf("partition %d", p)
		}
		seen[p] = true
	}
	if len(seen) != delivery.Partitions {
		t.Errorf("%d partitions are used", len(seen))
	}
}
