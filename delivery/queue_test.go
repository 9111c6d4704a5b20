package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
		"delivered": {done, delivery.Delivered},
		"offline":   {offline, delivery.Expired},
		"busy":      {again, delivery.Expired},
		"gone":      {delivery.Gone("410"), delivery.Failed},
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

// A receiver that does not answer holds back no other of the same channel, and what waits behind it expires on time.
func TestHangingDestinationHoldsBackNoOther(t *testing.T) {
	b := newBench(t, done)
	b.channel.hold = make(chan bool)
	b.channel.only = "https://hanging.example/1"
	var waiting []delivery.Notification
	for i := range 200 {
		n := deliverytest.Notification(i)
		n.Address = "https://hanging.example/1"
		n.Created, n.TTL = deliverytest.Start, 30*time.Second
		if err := b.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, n)
	}
	good := deliverytest.Notification(500)
	good.Address = "https://good.example/"
	delivered := make(chan bool)
	b.onEvent = func(e delivery.Event) {
		if e.Type == delivery.EventDelivered && e.Record.SID == good.SID {
			close(delivered)
		}
	}
	if err := b.Add(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	<-delivered
	b.clock.Settle = nil
	b.clock.Advance(30 * time.Second)
	b.Idle()
	for _, n := range waiting {
		if record, err := b.Find(t.Context(), n.SID); err != nil || record.State != delivery.Expired || record.Ended.Sub(n.Expires()) != 0 {
			t.Fatalf("%+v %v", record, err)
		}
	}
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
	}{"delivered": {done, delivery.Delivered}, "failed": {delivery.Gone("410"), delivery.Failed}} {
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

func TestSlowChannelHoldsBackNoOther(t *testing.T) {
	slow, fast := &script{results: []delivery.Result{done}, hold: make(chan bool)}, &script{results: []delivery.Result{done}}
	delivered := make(chan string, 10)
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"slow": slow, "fast": fast}, Workers: 2,
		Clock: delivery.NewManualClock(deliverytest.Start),
		Observe: func(e delivery.Event) {
			if e.Type == delivery.EventDelivered {
				delivered <- e.Record.Channel
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	for i := range 6 {
		n := deliverytest.Notification(i)
		n.Channel = "slow"
		if i == 5 {
			n.Channel = "fast"
		}
		if err := queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if first := <-delivered; first != "fast" {
		t.Errorf("the first delivery was by the %s channel", first)
	}
	for len(slow.tried()) < 2 {
		slow.hold <- true
	}
	close(slow.hold)
	queue.Idle()
	if got := len(slow.tried()); got != 5 {
		t.Errorf("%d slow attempts", got)
	}
}

func TestManyDevicesUnderLoad(t *testing.T) {
	channel := &script{results: []delivery.Result{offline}}
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"stream": channel}, Clock: delivery.NewManualClock(deliverytest.Start),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 100 {
				n := deliverytest.Notification(worker*100 + i)
				if err := queue.Add(t.Context(), n); err != nil {
					t.Error(err)
				}
				if err := queue.Wake(t.Context(), n.Device); err != nil {
					t.Error(err)
				}
				if err := queue.Acknowledge(t.Context(), n.Device, n.SID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	queue.Idle()
	if pending := queue.Pending(); pending != 0 {
		t.Errorf("%d pending", pending)
	}
}

// Everything that expires at one time expires then, in parts or not, whatever else is pending.
func TestManyExpireTogether(t *testing.T) {
	b := newBench(t, offline)
	const many = 2500
	for i := range many {
		n := deliverytest.Notification(i)
		n.Created, n.TTL = deliverytest.Start, time.Duration(60+i%3)*time.Second
		b.add(t, n)
	}
	b.clock.Advance(60 * time.Second)
	b.Idle()
	if pending := b.Pending(); pending != many-834 {
		t.Errorf("%d pending after 60 s", pending)
	}
	b.clock.Advance(2 * time.Second)
	b.Idle()
	if expired := strings.Count(b.history(), "expired"); b.Pending() != 0 || expired != many {
		t.Errorf("%d pending, %d expired", b.Pending(), expired)
	}
	if record, err := b.Find(t.Context(), deliverytest.Notification(7).SID); err != nil || record.State != delivery.Expired || record.Attempts != 1 {
		t.Errorf("%+v %v", record, err)
	}
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
