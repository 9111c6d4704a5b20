package delivery_test

import (
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// Whoever sets the wall clock, by whatever, moves no retry and no expiry.
func TestWallClockThatIsSet(t *testing.T) {
	for name, step := range map[string]time.Duration{"an hour ahead": time.Hour, "an hour back": -time.Hour, "three seconds back": -3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, again, again, done)
			waiting, n := deliverytest.Notification(0), deliverytest.Notification(1)
			n.Created = deliverytest.Start
			b.add(t, n)
			b.clock.Step(step)
			b.clock.Advance(time.Second)
			b.expect(t, n, delivery.Pending, 2)
			if left := b.channel.tried()[1].Remaining; left != n.TTL-time.Second {
				t.Errorf("the device is told that %v are left", left)
			}
			b.clock.Advance(2 * time.Second)
			b.expect(t, n, delivery.Delivered, 3)
			if b.ClockSteps() != 1 {
				t.Errorf("%d steps were noticed", b.ClockSteps())
			}
			// One that is created after it lives for its TTL too, and no longer.
			b.channel.results = []delivery.Result{again}
			waiting.Created, waiting.TTL = b.clock.Now(), 2*time.Second
			b.add(t, waiting)
			b.clock.Advance(2*time.Second - time.Millisecond)
			b.expect(t, waiting, delivery.Pending, len(b.channel.tried())-3)
			b.clock.Advance(time.Millisecond)
			if record, err := b.Find(t.Context(), waiting.SID); err != nil || record.State != delivery.Expired {
				t.Errorf("%+v %v", record, err)
			}
		})
	}
}

// A device that connects after the TTL gets nothing, though the wall clock was set back meanwhile.
func TestNothingLivesLongerByASetClock(t *testing.T) {
	b := newBench(t, offline, delivery.Sent())
	n := deliverytest.Notification(0)
	n.TTL = 2 * time.Second
	b.add(t, n)
	b.clock.Step(-time.Hour)
	b.clock.Advance(6 * time.Second)
	if err := b.Wake(t.Context(), n.Device); err != nil {
		t.Fatal(err)
	}
	b.Idle()
	b.expect(t, n, delivery.Expired, 1)
	// Nor by a restart after it: the store knows the wall time only, and no more than the TTL is believed.
	b.clock.Step(time.Hour)
	late := deliverytest.Notification(1)
	late.Created, late.TTL = b.clock.Now(), 5*time.Second
	b.add(t, late)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.clock.Step(-time.Hour)
	b.channel = &script{results: []delivery.Result{offline}}
	b.start(t)
	b.clock.Advance(late.TTL)
	if record, err := b.Find(t.Context(), late.SID); err != nil || record.State != delivery.Expired {
		t.Errorf("%+v %v", record, err)
	}
}

// A machine that slept: what should have happened meanwhile happens at once, and what comes later is not late by the sleep.
func TestMachineThatSlept(t *testing.T) {
	b := newBench(t, again, again, done)
	short, long := deliverytest.Notification(0), deliverytest.Notification(1)
	short.TTL, long.Created = 30*time.Second, deliverytest.Start
	b.add(t, short)
	b.add(t, long)
	b.clock.Sleep(time.Minute)
	b.clock.Advance(time.Second)
	if record, err := b.Find(t.Context(), short.SID); err != nil || record.State != delivery.Expired {
		t.Errorf("what expired during the sleep: %+v %v", record, err)
	}
	b.expect(t, long, delivery.Delivered, 2)
}

// jumping is a clock that tells the wall time only.
type jumping struct {
	*delivery.ManualClock
	mu     sync.Mutex
	offset time.Duration
}

func (c *jumping) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ManualClock.Now().Add(c.offset)
}

// plainClock hides that the clock tells the elapsed time.
type plainClock struct{ delivery.Clock }

func TestClockThatTellsTheWallTimeOnly(t *testing.T) {
	for name, step := range map[string]time.Duration{"ahead": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			clock := &jumping{ManualClock: delivery.NewManualClock(deliverytest.Start)}
			channel := &script{results: []delivery.Result{again}}
			queue, err := delivery.NewQueue(t.Context(), delivery.Config{
				Store: memstore.New(), Channels: map[string]delivery.Channel{"stream": channel}, Clock: plainClock{clock}, Random: func() float64 { return 0.5 },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = queue.Close() }()
			clock.Settle = queue.Idle
			n := deliverytest.Notification(0)
			if err := queue.Add(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			queue.Idle()
			clock.mu.Lock()
			clock.offset = step
			clock.mu.Unlock()
			clock.Advance(3 * time.Second)
			if tried := len(channel.tried()); tried < 2 {
				t.Errorf("%d attempts within 3 s", tried)
			}
			clock.Advance(n.TTL)
			if record, err := queue.Find(t.Context(), n.SID); err != nil || record.State != delivery.Expired || record.Ended.Sub(n.Created) > n.TTL+step+2*time.Second {
				t.Errorf("%+v %v", record, err)
			}
		})
	}
}

// A TTL of a second is a second, whenever within a second it begins.
func TestTTLCountsFromTheExactCreation(t *testing.T) {
	b := newBench(t, offline, delivery.Sent())
	b.clock.Advance(900 * time.Millisecond)
	n := deliverytest.Notification(0)
	n.Created, n.TTL = b.clock.Now(), time.Second
	b.add(t, n)
	b.clock.Advance(999 * time.Millisecond)
	if err := b.Wake(t.Context(), n.Device); err != nil {
		t.Fatal(err)
	}
	b.Idle()
	b.expect(t, n, delivery.Pending, 2)
	b.clock.Advance(time.Millisecond)
	b.expect(t, n, delivery.Expired, 2)
	if record, _ := b.Find(t.Context(), n.SID); record.Reason != delivery.Sent().Reason() {
		t.Errorf("the last reason is %q", record.Reason)
	}
}
