package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
)

// Two hundred receivers that hang, with much pending for each, hold back no other: it is counted that each of them has one
// attempt under way, however its address is spelt.
func TestHangingReceiversHoldBackNoOther(t *testing.T) {
	channel, delivered := newHosts(), make(chan string, 100)
	queue := newQueue(t, delivery.Config{
		Channels: map[string]delivery.Channel{"webhook": channel}, Clock: delivery.NewManualClock(deliverytest.Start),
		Observe: onDelivered(func(sid string) { delivered <- sid }),
	})
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
	queue := newQueue(t, delivery.Config{
		Channels: map[string]delivery.Channel{"webhook": channel}, Clock: delivery.NewManualClock(deliverytest.Start), Workers: 16,
		Observe: onDelivered(func(sid string) { delivered <- sid }),
	})
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

// A receiver of which nothing is known comes before those that have failed, however many of those there are.
func TestNewReceiverComesBeforeThoseThatFailed(t *testing.T) {
	channel, delivered := newHosts(), make(chan string, 1)
	clock := delivery.NewManualClock(deliverytest.Start)
	queue := newQueue(t, delivery.Config{
		Channels: map[string]delivery.Channel{"webhook": channel}, Clock: clock, Workers: 16, AttemptTimeout: 20 * time.Millisecond,
		Observe: onDelivered(func(sid string) { delivered <- sid }),
	})
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
