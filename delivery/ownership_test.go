package delivery_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// node is a queue that shares a store, and what its channel was asked to deliver.
type node struct {
	*delivery.Queue
	channel *script

	mu     sync.Mutex
	events []delivery.Event
}

func (n *node) told(of delivery.EventType) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.Type == of {
			count++
		}
	}
	return count
}

// nodes makes queues over one store, which own nothing yet. The clock settles when all are idle.
func nodes(t *testing.T, clock *delivery.ManualClock, store delivery.Store, results ...delivery.Result) (list []*node) {
	t.Helper()
	for range 2 {
		n := &node{channel: &script{results: results}}
		queue, err := delivery.NewQueue(t.Context(), delivery.Config{
			Store: store, Shared: true, Channels: map[string]delivery.Channel{"stream": n.channel}, Clock: clock, Random: func() float64 { return 0.5 },
			Observe: func(e delivery.Event) {
				n.mu.Lock()
				defer n.mu.Unlock()
				n.events = append(n.events, e)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = queue.Close() })
		n.Queue = queue
		list = append(list, n)
	}
	clock.Settle = func() {
		for _, n := range list {
			n.Idle()
		}
	}
	return list
}

func take(t *testing.T, n *node, partition int) {
	t.Helper()
	if err := n.Take(t.Context(), partition); err != nil {
		t.Fatal(err)
	}
}

// All that a node has to have to send is a partition and a lease.
func TestOwnership(t *testing.T) {
	n := deliverytest.Notification(0)
	partition := delivery.PartitionOf(n.Device)
	record := delivery.Record{Notification: n, State: delivery.Pending}
	for _, row := range []struct {
		name string
		do   func(t *testing.T, clock *delivery.ManualClock, a, b *node)
		// triedA and triedB are how often each node tries it within ten seconds.
		triedA, triedB int
	}{
		{name: "nothing is sent without a partition", do: func(_ *testing.T, _ *delivery.ManualClock, a, _ *node) {
			a.Extend(deliverytest.Start.Add(time.Hour))
			_ = a.Accept(record)
		}},
		{name: "nothing is sent without a lease", do: func(t *testing.T, _ *delivery.ManualClock, a, _ *node) {
			take(t, a, partition)
			_ = a.Accept(record)
		}},
		{name: "a lease that comes later is used", triedA: 1, do: func(t *testing.T, clock *delivery.ManualClock, a, _ *node) {
			take(t, a, partition)
			_ = a.Accept(record)
			clock.Advance(time.Second)
			a.Extend(clock.Now().Add(time.Hour))
		}},
		{name: "what is pending is taken up", triedB: 1, do: func(t *testing.T, _ *delivery.ManualClock, _, b *node) {
			b.Extend(deliverytest.Start.Add(time.Hour))
			take(t, b, partition)
		}},
		{name: "what is known is not taken up again", triedB: 1, do: func(t *testing.T, _ *delivery.ManualClock, _, b *node) {
			b.Extend(deliverytest.Start.Add(time.Hour))
			take(t, b, partition)
			take(t, b, partition)
			_ = b.Accept(record)
		}},
		{name: "what is released is another's", triedB: 1, do: func(t *testing.T, _ *delivery.ManualClock, a, b *node) {
			take(t, a, partition)
			a.Release(partition)
			a.Extend(deliverytest.Start.Add(time.Hour))
			b.Extend(deliverytest.Start.Add(time.Hour))
			take(t, b, partition)
		}},
		{name: "what another has ended is let go", do: func(t *testing.T, clock *delivery.ManualClock, a, _ *node) {
			take(t, a, partition)
			ended := record
			ended.State, ended.Ended = delivery.Delivered, clock.Now()
			_ = a.Accept(ended)
			a.Extend(clock.Now().Add(time.Hour))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			clock, store := delivery.NewManualClock(deliverytest.Start), memstore.New()
			both := nodes(t, clock, store, done)
			if err := store.Add(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			row.do(t, clock, both[0], both[1])
			clock.Advance(10 * time.Second)
			if a, b := len(both[0].channel.tried()), len(both[1].channel.tried()); a != row.triedA || b != row.triedB {
				t.Errorf("tried %d and %d times, want %d and %d", a, b, row.triedA, row.triedB)
			}
		})
	}
}

// The creator stores, the owner tells and sends.
func TestCreatorAndOwner(t *testing.T) {
	clock, store := delivery.NewManualClock(deliverytest.Start), memstore.New()
	both := nodes(t, clock, store, done)
	n := deliverytest.Notification(0)
	both[1].Extend(clock.Now().Add(time.Hour))
	take(t, both[1], delivery.PartitionOf(n.Device))
	if err := both[0].Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if both[0].Pending() != 0 || both[0].told(delivery.EventCreated) != 0 {
		t.Error("the creator keeps it")
	}
	if err := both[1].Accept(delivery.Record{Notification: n, State: delivery.Pending}); err != nil {
		t.Fatal(err)
	}
	both[1].Idle()
	if both[1].told(delivery.EventCreated) != 1 || both[1].told(delivery.EventDelivered) != 1 || len(both[1].channel.tried()) != 1 {
		t.Error(both[1].events)
	}
	// One with a TTL of 0 is the creator's own, whoever owns the partition, and needs no lease.
	once := deliverytest.Notification(10)
	once.TTL = 0
	if err := both[0].Add(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	both[0].Idle()
	if both[0].told(delivery.EventDelivered) != 1 {
		t.Error(both[0].events)
	}
}

// An attempt that hangs ends with the lease, and the other one may send.
func TestLeaseEndsAttempts(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(clock *delivery.ManualClock, a *node, partition int)
	}{
		{name: "lapsed", end: func(clock *delivery.ManualClock, _ *node, _ int) { clock.Advance(3 * time.Second) }},
		{name: "released", end: func(_ *delivery.ManualClock, a *node, partition int) { a.Release(partition) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			clock, store := delivery.NewManualClock(deliverytest.Start), memstore.New()
			both := nodes(t, clock, store, done)
			a, b := both[0], both[1]
			a.channel.began, a.channel.hold = make(chan bool, 1), make(chan bool)
			n := deliverytest.Notification(0)
			if err := store.Add(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			partition := delivery.PartitionOf(n.Device)
			a.Extend(clock.Now().Add(3 * time.Second))
			take(t, a, partition)
			clock.Settle = nil
			clock.Advance(0)
			<-a.channel.began
			row.end(clock, a, partition)
			a.Idle()
			b.Extend(clock.Now().Add(time.Hour))
			take(t, b, partition)
			clock.Advance(0)
			b.Idle()
			if record, err := store.Find(context.Background(), n.SID); err != nil || record.State != delivery.Delivered {
				t.Errorf("%+v %v", record, err)
			}
			clock.Advance(time.Minute)
			a.Idle()
			if tried := len(a.channel.tried()); tried != 1 || a.told(delivery.EventDelivered) != 0 || b.told(delivery.EventDelivered) != 1 {
				t.Errorf("the first tried %d times", tried)
			}
		})
	}
}

// One with a TTL of 0 holds back no hand-over: it is its creator's.
func TestReleaseLeavesTTL0(t *testing.T) {
	clock, store := delivery.NewManualClock(deliverytest.Start), memstore.New()
	a := nodes(t, clock, store, done)[0]
	a.channel.began, a.channel.hold = make(chan bool, 1), make(chan bool)
	once := deliverytest.Notification(0)
	once.TTL = 0
	if err := a.Add(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	<-a.channel.began
	take(t, a, delivery.PartitionOf(once.Device))
	a.Release(delivery.PartitionOf(once.Device))
	close(a.channel.hold)
	a.Idle()
	if a.told(delivery.EventDelivered) != 1 {
		t.Error(a.events)
	}
}

// Of two that both believe to own it one tells the outcome.
func TestOneOutcome(t *testing.T) {
	clock, store := delivery.NewManualClock(deliverytest.Start), memstore.New()
	both := nodes(t, clock, store, done)
	n := deliverytest.Notification(0)
	if err := store.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	for _, each := range both {
		take(t, each, delivery.PartitionOf(n.Device))
		each.Extend(clock.Now().Add(time.Hour))
	}
	clock.Advance(time.Second)
	if told := both[0].told(delivery.EventDelivered) + both[1].told(delivery.EventDelivered); told != 1 {
		t.Errorf("told %d times", told)
	}
	if both[0].Pending()+both[1].Pending() != 0 {
		t.Error("one of them still has it")
	}
}
