package delivery_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
)

// A destination that fails is probed by one attempt at a time, which is told once; the first that it takes ends that, and
// what waits is delivered at once.
func TestBreaker(t *testing.T) {
	channel, clock := newHosts(), delivery.NewManualClock(deliverytest.Start)
	var events []string
	var outcomes atomic.Int64
	queue := newQueue(t, delivery.Config{
		Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock, Random: func() float64 { return 0.5 },
		Observe: func(e delivery.Event) {
			switch e.Type {
			case delivery.EventDestinationFails, delivery.EventDestinationWorks:
				events = append(events, string(e.Type)+" "+e.Destination+" "+e.Reason)
			case delivery.EventDelivered:
				outcomes.Add(1)
			}
		},
	})
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

// A blip of a busy receiver is no reason to leave it alone for long: what was under way when it began counts once.
func TestBlipOfABusyReceiver(t *testing.T) {
	channel, clock := newHosts(), delivery.NewManualClock(deliverytest.Start)
	channel.hold = make(chan bool)
	var delivered atomic.Int64
	queue := newQueue(t, delivery.Config{
		Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock, Random: func() float64 { return 0.5 },
		Observe: onDelivered(func(string) { delivered.Add(1) }),
	})
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

// A TTL of 0 is tried at once, though its destination fails: it is a probe.
func TestWhatIsTriedOnceProbesAtOnce(t *testing.T) {
	channel, clock := newHosts(), delivery.NewManualClock(deliverytest.Start)
	queue := newQueue(t, delivery.Config{
		Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock,
	})
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
