package delivery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// provider is a scripted channel behind which one service stands.
type provider struct {
	script script
	// bad is an address at which every attempt fails, where it is set; others then succeed.
	bad string
	// app is the setting that decides whether an address is good.
	app string
}

func (p *provider) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	if p.bad != "" {
		if a.Address == p.bad {
			return delivery.Again(0, "down")
		}
		return delivery.Done()
	}
	return p.script.Deliver(ctx, a)
}

func (*provider) Destination(string) string          { return "https://push.example:443" }
func (p *provider) AddressKey(address string) string { return p.app + " " + address }

// providerBench is a queue whose channels come by name, as they are needed.
type providerBench struct {
	*delivery.Queue
	clock    *delivery.ManualClock
	channels map[string]*provider

	mu     sync.Mutex
	events []delivery.Event
}

func newProviderBench(t *testing.T, channels map[string]*provider) *providerBench {
	t.Helper()
	b := &providerBench{clock: delivery.NewManualClock(deliverytest.Start), channels: channels}
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Clock: b.clock, Random: func() float64 { return 0.5 },
		Channels: map[string]delivery.Channel{"other": &script{results: []delivery.Result{delivery.Done()}}},
		Find: func(name string) delivery.Channel {
			if c := b.channels[name]; c != nil {
				return c
			}
			return nil
		},
		Observe: func(e delivery.Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, e)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.Close() })
	b.Queue, b.clock.Settle = queue, queue.Idle
	return b
}

func (b *providerBench) add(t *testing.T, i int, channel, address string) delivery.Notification {
	t.Helper()
	n := b.notification(i, channel, address)
	if err := b.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.Idle()
	return n
}

func (b *providerBench) notification(i int, channel, address string) delivery.Notification {
	n := deliverytest.Notification(i)
	n.Created, n.Channel, n.Address = b.clock.Now(), channel, address
	return n
}

// told gives the events of a type.
func (b *providerBench) told(types ...delivery.EventType) (events []delivery.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if slices.Contains(types, e.Type) {
			events = append(events, e)
		}
	}
	return events
}

func TestADeadAddressIsRefusedFromThenOn(t *testing.T) {
	phone := &provider{script: script{results: []delivery.Result{delivery.Again(0, "down"), delivery.Again(0, "down"), delivery.Dead("it was removed"), delivery.Done()}}, app: "one"}
	b := newProviderBench(t, map[string]*provider{"phone": phone})
	first := b.add(t, 1, "phone", "token")
	second := b.add(t, 2, "phone", "token")
	// Both wait for another attempt; the first says that the other's is in vain.
	b.clock.Advance(time.Minute)
	for _, n := range []delivery.Notification{first, second} {
		if record, err := b.Find(t.Context(), n.SID); err != nil || record.State != delivery.Failed || record.Reason == "" {
			t.Errorf("%+v, %v", record, err)
		}
	}
	if tried := len(phone.script.tried()); tried != 3 {
		t.Errorf("%d attempts, want 3", tried)
	}
	if dead := b.told(delivery.EventAddressDead); len(dead) != 1 || dead[0].Reason != "it was removed" || dead[0].Record.Address != "token" {
		t.Errorf("told %+v", dead)
	}
	if err := b.Add(t.Context(), b.notification(3, "phone", "token")); !errors.Is(err, delivery.ErrAddressDead) {
		t.Errorf("the next one: %v", err)
	}
	// Another address, and the same one of another app, are others.
	b.add(t, 4, "phone", "token2")
	phone.app = "two"
	b.add(t, 5, "phone", "token")
	phone.app = "one"
	// The device was there before it was found dead, and then after it.
	stale := b.notification(6, "phone", "token")
	stale.AddressSince = deliverytest.Start.Add(-time.Hour)
	if err := b.Add(t.Context(), stale); !errors.Is(err, delivery.ErrAddressDead) {
		t.Errorf("seen before it died: %v", err)
	}
	fresh := b.notification(7, "phone", "token")
	fresh.AddressSince = b.clock.Now()
	if err := b.Add(t.Context(), fresh); err != nil {
		t.Errorf("seen since: %v", err)
	}
	b.add(t, 8, "phone", "token")
	if tried := len(phone.script.tried()); tried != 7 {
		t.Errorf("%d attempts, want 7", tried)
	}
}

// A provider is one destination, however many devices it reaches.
func TestAProviderIsOneDestination(t *testing.T) {
	phone := &provider{script: script{results: []delivery.Result{delivery.Again(0, "down")}}}
	b := newProviderBench(t, map[string]*provider{"phone": phone})
	for i := range 20 {
		b.add(t, i, "phone", strings.Repeat("t", i+1))
	}
	if tried := len(phone.script.tried()); tried != 5 || b.FailingDestinations("phone") != 1 {
		t.Errorf("%d attempts, %d destinations fail", tried, b.FailingDestinations("phone"))
	}
	if fails := b.told(delivery.EventDestinationFails); len(fails) != 1 || fails[0].Destination != "https://push.example:443" || fails[0].Channel != "phone" {
		t.Errorf("told %+v", fails)
	}
	other := b.add(t, 30, "other", "elsewhere")
	if record, err := b.Find(t.Context(), other.SID); err != nil || record.State != delivery.Delivered {
		t.Errorf("another channel: %+v, %v", record, err)
	}
	phone.script.mu.Lock()
	phone.script.results = []delivery.Result{delivery.Done()}
	phone.script.attempts = nil
	phone.script.mu.Unlock()
	b.clock.Advance(2 * time.Minute)
	if tried := len(phone.script.tried()); tried != 20 || b.Pending() != 0 {
		t.Errorf("%d attempts, %d pending", tried, b.Pending())
	}
}

func TestCredentialsThatAreRefusedAreToldOnce(t *testing.T) {
	denied := delivery.Denied(0, "the key is not valid")
	phone := &provider{script: script{results: []delivery.Result{denied, denied, denied, delivery.Again(0, "down"), denied, delivery.Done(), denied, delivery.Done()}}}
	b := newProviderBench(t, map[string]*provider{"phone": phone})
	b.add(t, 1, "phone", "a")
	b.clock.Advance(4 * time.Minute)
	b.add(t, 2, "phone", "b")
	b.clock.Advance(4 * time.Minute)
	var told []string
	for _, e := range b.told(delivery.EventCredentialsRefused, delivery.EventCredentialsAccepted) {
		told = append(told, string(e.Type)+" "+e.Channel+" "+e.Destination+" "+e.Reason)
	}
	refused, accepted := "credentials_refused phone https://push.example:443 the key is not valid", "credentials_accepted phone https://push.example:443 "
	if want := []string{refused, accepted, refused, accepted}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
	if b.Pending() != 0 || len(b.told(delivery.EventDelivered)) != 2 {
		t.Errorf("%d pending, %d delivered", b.Pending(), len(b.told(delivery.EventDelivered)))
	}
}

// What is refused without a request says nothing of the destination: its breaker stays open, and its alarm stands.
func TestWhatIsNotAskedTeachesNothing(t *testing.T) {
	for name, result := range map[string]delivery.Result{"down": delivery.Again(0, "down"), "denied": delivery.Denied(0, "the key is not valid")} {
		t.Run(name, func(t *testing.T) {
			phone := &provider{script: script{results: []delivery.Result{result}}}
			b := newProviderBench(t, map[string]*provider{"phone": phone})
			for i := range 10 {
				b.add(t, i, "phone", "good")
			}
			phone.script.mu.Lock()
			phone.script.results = []delivery.Result{delivery.Impossible("the address is not one")}
			phone.script.attempts = nil
			phone.script.mu.Unlock()
			bad := b.notification(20, "phone", "bad")
			bad.TTL = 0
			if err := b.Add(t.Context(), bad); err != nil {
				t.Fatal(err)
			}
			b.Idle()
			if b.FailingDestinations("phone") != 1 || len(b.told(delivery.EventDestinationWorks, delivery.EventCredentialsAccepted)) != 0 || len(phone.script.tried()) != 1 {
				t.Errorf("%d fail, told %+v, %d attempts", b.FailingDestinations("phone"), b.told(delivery.EventDestinationWorks), len(phone.script.tried()))
			}
		})
	}
}

// A device that was there again while an attempt was under way that found it dead is alive.
func TestALateDeathIsOfThen(t *testing.T) {
	phone := &provider{script: script{results: []delivery.Result{delivery.Dead("it was removed"), delivery.Done()}, hold: make(chan bool), began: make(chan bool, 1)}}
	b := newProviderBench(t, map[string]*provider{"phone": phone})
	first := b.notification(1, "phone", "token")
	if err := b.Add(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	<-phone.script.began
	b.clock.Settle = nil
	b.clock.Advance(5 * time.Second)
	registered := b.clock.Now()
	b.clock.Advance(time.Second)
	phone.script.hold <- true
	b.Idle()
	phone.script.mu.Lock()
	phone.script.hold = nil
	phone.script.mu.Unlock()
	again := b.notification(2, "phone", "token")
	again.AddressSince = registered
	if err := b.Add(t.Context(), again); err != nil {
		t.Errorf("registered since the attempt began: %v", err)
	}
	b.Idle()
}

// A provider that asks to be left alone is, also by the notifications that it has not seen.
func TestRetryAfterIsTheProviders(t *testing.T) {
	phone := &provider{script: script{results: []delivery.Result{delivery.Again(2*time.Minute, "busy")}}}
	b := newProviderBench(t, map[string]*provider{"phone": phone})
	for i := range 20 {
		b.add(t, i, "phone", "token")
	}
	b.clock.Advance(time.Minute)
	if tried := len(phone.script.tried()); tried != 5 {
		t.Errorf("%d attempts in the first minute, want 5", tried)
	}
}

// Whoever's notifications fail always do not keep a provider's breaker open for all others.
func TestAProbeIsOfAnotherDevice(t *testing.T) {
	phone := &provider{script: script{results: []delivery.Result{delivery.Again(0, "down")}}}
	b := newProviderBench(t, map[string]*provider{"phone": phone})
	phone.script.results = nil
	phone.bad = "bad"
	for i := range 40 {
		n := b.notification(i, "phone", "bad")
		n.Identity = "one-device"
		if err := b.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		b.Idle()
	}
	good := b.add(t, 50, "phone", "good")
	b.clock.Advance(10 * time.Second)
	if record, err := b.Find(t.Context(), good.SID); err != nil || record.State != delivery.Delivered {
		t.Errorf("%+v, %v", record, err)
	}
}

// One that denies some and takes others is alarm enough once.
func TestDenialsOfSomeAreToldOnce(t *testing.T) {
	var results []delivery.Result
	for range 20 {
		results = append(results, delivery.Denied(0, "no key for this one").OfOne(), delivery.Done())
	}
	phone := &provider{script: script{results: results}}
	b := newProviderBench(t, map[string]*provider{"phone": phone})
	for i := range 40 {
		b.add(t, i, "phone", "token")
	}
	if told := b.told(delivery.EventCredentialsRefused, delivery.EventCredentialsAccepted, delivery.EventDestinationFails); len(told) != 1 {
		t.Errorf("told %+v", told)
	}
}

// A channel that comes later is found when it is first needed, and what waited for it is delivered.
func TestChannelsAreFoundWhenTheyAreNeeded(t *testing.T) {
	b := newProviderBench(t, map[string]*provider{})
	missing := b.add(t, 1, "phone", "a")
	if record, err := b.Find(t.Context(), missing.SID); err != nil || record.State != delivery.Pending {
		t.Errorf("%+v, %v", record, err)
	}
	b.channels["phone"] = &provider{script: script{results: []delivery.Result{delivery.Done()}}}
	there := b.add(t, 2, "phone", "a")
	if record, err := b.Find(t.Context(), there.SID); err != nil || record.State != delivery.Delivered {
		t.Errorf("%+v, %v", record, err)
	}
	b.clock.Advance(time.Minute)
	if record, err := b.Find(t.Context(), missing.SID); err != nil || record.State != delivery.Delivered {
		t.Errorf("what waited: %+v, %v", record, err)
	}
	if got := b.Channels(); !slices.Equal(got, []string{"other", "phone"}) {
		t.Errorf("channels %v", got)
	}
}
