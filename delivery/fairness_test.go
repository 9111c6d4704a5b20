package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// hosts is a channel whose addresses decide what happens: those of dead.example hang until the attempt's context ends.
type hosts struct {
	mu      sync.Mutex
	hanging map[string]int
	most    map[string]int
	down    map[string]bool
	tries   map[string]int
	// hold, if any, is received from in each attempt at a host that is not dead.
	hold chan bool
}

func newHosts() *hosts {
	return &hosts{hanging: map[string]int{}, most: map[string]int{}, down: map[string]bool{}, tries: map[string]int{}}
}

func (h *hosts) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	h.mu.Lock()
	name := delivery.DestinationOf(a.Address)
	h.tries[name]++
	down := h.down[name]
	if !strings.Contains(name, "dead") {
		h.mu.Unlock()
		if h.hold != nil {
			<-h.hold
		}
		if down {
			return delivery.Again(0, "down")
		}
		return delivery.Done()
	}
	h.hanging[name]++
	h.most[name] = max(h.most[name], h.hanging[name])
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hanging[name]--
	return delivery.Again(0, "no answer in time")
}

func (h *hosts) set(name string, down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down[name] = down
}

func (h *hosts) tried(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tries[name]
}

// Two hundred receivers that hang, with much pending for each, hold back no other: it is counted that each of them has one
// attempt under way, however its address is spelt.
func TestHangingReceiversHoldBackNoOther(t *testing.T) {
	channel, delivered := newHosts(), make(chan string, 100)
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"webhook": channel}, Clock: delivery.NewManualClock(deliverytest.Start),
		Observe: func(e delivery.Event) {
			if e.Type == delivery.EventDelivered {
				delivered <- e.Record.SID
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	add := func(i int, address string) delivery.Notification {
		n := deliverytest.Notification(i)
		n.Channel, n.Address, n.Created = "webhook", address, deliverytest.Start
		if err := queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 10_000 {
		spelling := []string{"http://dead-%03d.example:80/hook", "http://user:secret@DEAD-%03d.example?d=1", "http://Dead-%03d.Example./?%[1]d"}[i%3]
		add(i, fmt.Sprintf(spelling, i%200))
	}
	for i := range 50 {
		if n := add(20_000+i, "https://good.example/"); n.SID != <-delivered {
			t.Fatal("another one was delivered")
		}
	}
	channel.mu.Lock()
	defer channel.mu.Unlock()
	if len(channel.most) != 200 {
		t.Errorf("%d destinations", len(channel.most))
	}
	for name, most := range channel.most {
		if most != 1 || strings.Contains(name, "secret") {
			t.Errorf("%s had %d attempts under way at once", name, most)
		}
	}
}

// More receivers hang than there are workers: those that are known to work go on.
func TestReceiversThatWorkHaveTheirShare(t *testing.T) {
	channel, delivered := newHosts(), make(chan string, 100)
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"webhook": channel}, Clock: delivery.NewManualClock(deliverytest.Start), Workers: 16,
		Observe: func(e delivery.Event) {
			if e.Type == delivery.EventDelivered {
				delivered <- e.Record.SID
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	for i := range 200 {
		n := deliverytest.Notification(i)
		n.Channel, n.Address = "webhook", "https://good.example/"
		if i > 0 {
			n.Address = fmt.Sprintf("https://dead-%d.example/", i)
		}
		if err := queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			<-delivered
		}
	}
	n := deliverytest.Notification(1000)
	n.Channel, n.Address = "webhook", "https://good.example/"
	if err := queue.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if got := <-delivered; got != n.SID {
		t.Errorf("%s was delivered", got)
	}
}

// A destination that fails is probed by one attempt at a time, which is told once; the first that it takes ends that, and
// what waits is delivered at once.
func TestBreaker(t *testing.T) {
	channel, clock := newHosts(), delivery.NewManualClock(deliverytest.Start)
	var events []string
	var outcomes atomic.Int64
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock, Random: func() float64 { return 0.5 },
		Observe: func(e delivery.Event) {
			switch e.Type {
			case delivery.EventDestinationFails, delivery.EventDestinationWorks:
				events = append(events, string(e.Type)+" "+e.Destination+" "+e.Reason)
			case delivery.EventDelivered:
				outcomes.Add(1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	clock.Settle = queue.Idle
	const name = "https://flaky.example:443"
	channel.set(name, true)
	for i := range 100 {
		n := deliverytest.Notification(i)
		n.Channel, n.Address, n.Created = "webhook", "https://flaky.example/hook?key=secret", deliverytest.Start
		if err := queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	queue.Idle()
	if tried := channel.tried(name); tried != 5 || queue.FailingDestinations("webhook") != 1 {
		t.Errorf("%d attempts before it is taken to fail, %d destinations fail", tried, queue.FailingDestinations("webhook"))
	}
	clock.Advance(time.Minute)
	// Probes come after 1, 2, 4, 8, 16, 30 s.
	if tried := channel.tried(name); tried != 10 {
		t.Errorf("%d attempts in a minute", tried)
	}
	channel.set(name, false)
	clock.Advance(30 * time.Second)
	if got := outcomes.Load(); got != 100 || queue.FailingDestinations("webhook") != 0 {
		t.Errorf("%d of 100 are delivered, %d destinations fail", got, queue.FailingDestinations("webhook"))
	}
	if want := "destination_fails " + name + " down;destination_works " + name + " "; strings.Join(events, ";") != want {
		t.Errorf("events %q, want %q", strings.Join(events, ";"), want)
	}
}

// An answer to one notification is no failure of the receiver.
func TestRefusalsOpenNoBreaker(t *testing.T) {
	b := newBench(t, delivery.Refused(0, "the receiver answered 404"))
	n := deliverytest.Notification(0)
	n.Address = "https://shared.example/tenant"
	b.add(t, n)
	b.clock.Advance(2 * time.Minute)
	if b.FailingDestinations("stream") != 0 || strings.Contains(b.history(), "destination") {
		t.Error(b.history())
	}
}

func TestDestinationOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://Example.COM/hook?x=1":      "https://example.com:443",
		"HTTPS://user:pw@example.com:443#x": "https://example.com:443",
		"http://example.com.":               "http://example.com:80",
		"http://example.com:0080?d=1":       "http://example.com:80",
		"http://[::1]:81/":                  "http://[::1]:81",
		"http://[0:0:0:0:0:0:0:1]:81/":      "http://[::1]:81",
		"http://[::ffff:127.0.0.1]/":        "http://127.0.0.1:80",
		"somewhere":                         "somewhere",
	} {
		if got := delivery.DestinationOf(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func TestBoundsOfWhatIsPending(t *testing.T) {
	clock := delivery.NewManualClock(deliverytest.Start)
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"stream": &script{results: []delivery.Result{offline}}}, Clock: clock,
		MaxPending: 5, MaxPendingDevice: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	clock.Settle = queue.Idle
	add := func(i int) error {
		n := deliverytest.Notification(i)
		n.Created = clock.Now()
		return queue.Add(t.Context(), n)
	}
	for round := range 2 {
		first := round * 1000
		for i, want := range map[int]error{first: nil, first + 10: nil} {
			if err := add(i); !errors.Is(err, want) {
				t.Errorf("notification %d: %v", i, err)
			}
		}
		if err := add(first + 20); !errors.Is(err, delivery.ErrDeviceFull) {
			t.Errorf("a third one for the device: %v", err)
		}
		for i := first + 1; i < first+4; i++ {
			if err := add(i); err != nil {
				t.Errorf("notification %d: %v", i, err)
			}
		}
		if err := add(first + 5); !errors.Is(err, delivery.ErrFull) {
			t.Errorf("a sixth one: %v", err)
		}
		if queue.Pending() != 5 {
			t.Errorf("%d pending", queue.Pending())
		}
		// When they have ended there is room again.
		clock.Advance(2 * time.Hour)
	}
	if queue.Pending() != 0 {
		t.Errorf("%d pending in the end", queue.Pending())
	}
}

// slowEnd is a store whose End waits until it is let go.
type slowEnd struct {
	delivery.Store
	ending, letGo chan bool
}

func (s *slowEnd) End(ctx context.Context, records ...delivery.Record) error {
	s.ending <- true
	<-s.letGo
	return s.Store.End(ctx, records...)
}

// An acknowledgement that is repeated while the first is being recorded waits for it, and is as good.
func TestAcknowledgementRepeatedAtOnce(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"stored": 5 * time.Minute, "a TTL of 0": 0} {
		t.Run(name, func(t *testing.T) {
			store := &slowEnd{Store: memstore.New(), ending: make(chan bool, 1), letGo: make(chan bool)}
			b := &bench{clock: delivery.NewManualClock(deliverytest.Start), store: store, channel: &script{results: []delivery.Result{delivery.Sent()}}}
			b.start(t)
			n := deliverytest.Notification(0)
			n.TTL = ttl
			b.add(t, n)
			answers := make(chan error, 10)
			for range 10 {
				go func() { answers <- b.Acknowledge(t.Context(), n.Device, n.SID) }()
			}
			if ttl > 0 {
				<-store.ending
				store.letGo <- true
			}
			for range 10 {
				if err := <-answers; err != nil {
					t.Error(err)
				}
			}
			b.expect(t, n, delivery.Delivered, 1)
		})
	}
}

// A TTL of 0 that waits for its turn overtakes what is tried again anyway, and has its full time from then on.
func TestWhatIsTriedOnceIsFirst(t *testing.T) {
	b := newBench(t, again)
	b.channel.hold, b.channel.began = make(chan bool), make(chan bool)
	add := func(i int, ttl time.Duration) delivery.Notification {
		n := deliverytest.Notification(i)
		n.Address, n.TTL, n.Created = "https://one.example/", ttl, deliverytest.Start
		if err := b.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	add(0, time.Minute)
	<-b.channel.began
	for i := range 10 {
		add(10+i, time.Minute)
	}
	once := add(100, 0)
	b.channel.hold <- true
	<-b.channel.began
	if tried := b.channel.tried(); tried[1].SID != once.SID || tried[1].Left() != delivery.DefaultAttemptTimeout {
		t.Errorf("the second attempt is for %s, with %v left", tried[1].SID, tried[1].Left())
	}
	go func() {
		for range b.channel.began {
		}
	}()
	close(b.channel.hold)
	b.Idle()
}

// A blip of a busy receiver is no reason to leave it alone for long: what was under way when it began counts once.
func TestBlipOfABusyReceiver(t *testing.T) {
	channel, clock := newHosts(), delivery.NewManualClock(deliverytest.Start)
	channel.hold = make(chan bool)
	var delivered atomic.Int64
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock, Random: func() float64 { return 0.5 },
		Observe: func(e delivery.Event) {
			if e.Type == delivery.EventDelivered {
				delivered.Add(1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	add := func(i int) {
		n := deliverytest.Notification(i)
		n.Channel, n.Address, n.Created = "webhook", "https://busy.example/", clock.Now()
		if err := queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	// Its window grows to the full one.
	for i := range 100 {
		add(i)
	}
	for range 100 {
		channel.hold <- true
	}
	queue.Idle()
	// All that are under way at once fail.
	channel.set("https://busy.example:443", true)
	for i := range 100 {
		add(1000 + i)
	}
	for range 32 {
		channel.hold <- true
	}
	close(channel.hold)
	queue.Idle()
	channel.set("https://busy.example:443", false)
	clock.Settle = queue.Idle
	clock.Advance(3 * time.Second)
	if delivered.Load() != 200 {
		t.Errorf("%d of 200 are delivered within 3 s of the blip", delivered.Load())
	}
}

// A receiver of which nothing is known comes before those that have failed, however many of those there are.
func TestNewReceiverComesBeforeThoseThatFailed(t *testing.T) {
	channel, delivered := newHosts(), make(chan string, 1)
	clock := delivery.NewManualClock(deliverytest.Start)
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock, Workers: 16, AttemptTimeout: 20 * time.Millisecond,
		Observe: func(e delivery.Event) {
			if e.Type == delivery.EventDelivered {
				delivered <- e.Record.SID
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	add := func(i int, address string) delivery.Notification {
		n := deliverytest.Notification(i)
		n.Channel, n.Address, n.Created = "webhook", address, clock.Now()
		if err := queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 100 {
		add(i, fmt.Sprintf("https://dead-%d.example/", i))
	}
	queue.Idle()
	// All have failed once, and more waits for each.
	for i := range 400 {
		add(1000+i, fmt.Sprintf("https://dead-%d.example/", i%100))
	}
	before := channel.triedDead()
	n := add(2000, "https://new.example/")
	if got := <-delivered; got != n.SID {
		t.Errorf("%s was delivered", got)
	}
	// What was under way; by turns it would have been after a hundred.
	if tried := channel.triedDead() - before; tried > 50 {
		t.Errorf("%d attempts at those that had failed came before", tried)
	}
}

// triedDead counts the attempts at hosts that hang.
func (h *hosts) triedDead() (tried int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, count := range h.tries {
		if strings.Contains(name, "dead") {
			tried += count
		}
	}
	return tried
}

// A device gets what is created in a burst in the order of its creation.
func TestDeviceGetsABurstInOrder(t *testing.T) {
	b := newBench(t, delivery.Sent())
	const burst = 500
	for i := range burst {
		n := deliverytest.Notification(10 * i)
		n.Created = deliverytest.Start
		if err := b.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	b.Idle()
	for i, a := range b.channel.tried() {
		if a.SID != deliverytest.Notification(10*i).SID {
			t.Fatalf("attempt %d is for %s", i, a.SID)
		}
	}
}

// A TTL of 0 is tried at once, though its destination fails: it is a probe.
func TestWhatIsTriedOnceProbesAtOnce(t *testing.T) {
	channel, clock := newHosts(), delivery.NewManualClock(deliverytest.Start)
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	channel.set("https://down.example:443", true)
	for i := range 20 {
		n := deliverytest.Notification(i)
		n.Channel, n.Address, n.Created = "webhook", "https://down.example/", deliverytest.Start
		if i == 19 {
			n.TTL = 0
		}
		if err := queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		queue.Idle()
	}
	// Five until it is taken to fail, and the one that is tried once.
	if tried := channel.tried("https://down.example:443"); tried != 6 || queue.FailingDestinations("webhook") != 1 {
		t.Errorf("%d attempts, %d destinations fail", tried, queue.FailingDestinations("webhook"))
	}
	if record, err := queue.Find(t.Context(), deliverytest.Notification(19).SID); err != nil || record.State != delivery.Expired || record.Attempts != 1 {
		t.Errorf("%+v %v", record, err)
	}
}
