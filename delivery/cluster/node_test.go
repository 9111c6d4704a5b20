package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/cluster"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/stream"
)

// localBus carries questions between the nodes of one process.
type localBus struct {
	mu       sync.Mutex
	handlers map[string]map[int]func([]byte) []byte
	next     int
	// deaf loses what all nodes are asked.
	deaf bool
}

func (b *localBus) Handle(subject string, answer func([]byte) []byte) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.handlers[subject] == nil {
		b.handlers[subject] = map[int]func([]byte) []byte{}
	}
	id := b.next
	b.next++
	b.handlers[subject][id] = answer
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.handlers[subject], id)
	}, nil
}

func (b *localBus) Publish(subject string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, each := range b.handlers[subject] {
		each(data)
	}
	return nil
}

func (b *localBus) Listen(subject string, each func([]byte)) (func(), error) {
	return b.Handle(subject, func(data []byte) []byte {
		each(data)
		return nil
	})
}

func (b *localBus) Request(ctx context.Context, subject string, question []byte) ([]byte, error) {
	if len(question) > 1<<20 {
		// As NATS does.
		return nil, errors.New("maximum payload exceeded")
	}
	b.mu.Lock()
	answers := make(chan []byte, 16)
	if len(b.handlers[subject]) == 0 || b.deaf && subject == "nodes" {
		b.mu.Unlock()
		return nil, cluster.ErrNobody
	}
	for _, answer := range b.handlers[subject] {
		go func() {
			if said := answer(question); said != nil {
				answers <- said
			}
		}()
	}
	b.mu.Unlock()
	select {
	case said := <-answers:
		return said, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// followedStore is a memstore whose records are given to who follows them.
type followedStore struct {
	*memstore.Store
	mu        sync.Mutex
	followers map[int][]chan delivery.Record
}

func (s *followedStore) tell(r delivery.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.followers[delivery.PartitionOf(r.Device)] {
		c <- r
	}
}

func (s *followedStore) Add(ctx context.Context, n delivery.Notification) error {
	err := s.Store.Add(ctx, n)
	if err == nil && n.TTL > 0 {
		s.tell(delivery.Record{Notification: n, State: delivery.Pending})
	}
	return err
}

func (s *followedStore) End(ctx context.Context, records ...delivery.Record) error {
	err := s.Store.End(ctx, records...)
	if err == nil {
		for _, r := range records {
			s.tell(r)
		}
	}
	return err
}

// PendingIn begins what Follow goes on with.
func (s *followedStore) PendingIn(ctx context.Context, partition int) iter.Seq2[delivery.Record, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followers[partition] = append(s.followers[partition], make(chan delivery.Record, 1000))
	return s.Store.PendingIn(ctx, partition)
}

func (s *followedStore) Follow(ctx context.Context, partition int, each func(delivery.Record)) {
	s.mu.Lock()
	c := s.followers[partition][len(s.followers[partition])-1]
	s.mu.Unlock()
	for {
		select {
		case r := <-c:
			each(r)
		case <-ctx.Done():
			return
		}
	}
}

func (*followedStore) Forget(int) {}

// three are nodes over one store, with their hubs.
type three struct {
	bus   *localBus
	nodes [3]*cluster.Node
	hubs  [3]*stream.Hub
}

func newThree(t *testing.T) *three {
	t.Helper()
	bus := &localBus{handlers: map[string]map[int]func([]byte) []byte{}}
	all := &three{bus: bus}
	store := &followedStore{Store: memstore.New(), followers: map[int][]chan delivery.Record{}}
	for i := range all.nodes {
		hub := &stream.Hub{}
		node := cluster.New(cluster.Config{ID: string(rune('a' + i)), Store: store, Bus: bus, Hub: hub, Logger: slog.New(slog.DiscardHandler)})
		queue, err := delivery.NewQueue(t.Context(), delivery.Config{Store: store, Shared: true, Channels: map[string]delivery.Channel{"stream": node.Channel()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := node.Serve(queue); err != nil {
			t.Fatal(err)
		}
		node.Extend(time.Now().Add(time.Hour))
		all.nodes[i], all.hubs[i] = node, hub
		t.Cleanup(func() {
			for p := range delivery.Partitions {
				node.Release(p)
			}
			node.Close()
			_ = queue.Close()
		})
	}
	return all
}

// connect has a device connect to a node, which takes what comes.
func (a *three) connect(t *testing.T, node int, d delivery.Device) *stream.Connection {
	t.Helper()
	c := a.hubs[node].Connect(d, "")
	<-c.Room()
	err := c.Feed(t.Context(), func(ctx context.Context, after delivery.Position, limit int) (delivery.Position, bool, error) {
		return a.nodes[node].WakeSome(ctx, d, after, limit)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func notification(ttl time.Duration) delivery.Notification {
	n := deliverytest.Notification(0)
	n.Created, n.TTL = time.Now(), ttl
	return n
}

// Whoever creates, owns, and has the device: it arrives, and is acknowledged from where it arrived.
func TestAnyNode(t *testing.T) {
	for _, row := range []struct {
		name                   string
		creator, owner, device int
		ttl                    time.Duration
		// connectsLater has the device connect after the creation, and released has the owner hand over before that.
		connectsLater, released bool
	}{
		{name: "all at one"},
		{name: "created elsewhere", creator: 1, ttl: time.Minute},
		{name: "connected elsewhere", device: 1, ttl: time.Minute},
		{name: "all elsewhere", creator: 1, device: 2, ttl: time.Minute},
		{name: "connects later, elsewhere", creator: 1, device: 2, ttl: time.Minute, connectsLater: true},
		{name: "connects later, after a hand-over", creator: 1, device: 2, ttl: time.Minute, connectsLater: true, released: true},
		{name: "handed over while it is connected", creator: 1, device: 0, ttl: time.Minute, released: true},
		{name: "TTL 0, all elsewhere", creator: 1, device: 2},
		{name: "TTL 0, connected to the creator", creator: 1, device: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := newThree(t)
				n := notification(row.ttl)
				partition := delivery.PartitionOf(n.Device)
				take := func(node int) {
					if err := all.nodes[node].Take(t.Context(), partition); err != nil {
						t.Fatal(err)
					}
				}
				take(row.owner)
				var c *stream.Connection
				if !row.connectsLater {
					c = all.connect(t, row.device, n.Device)
				}
				if row.released && !row.connectsLater {
					all.nodes[row.owner].Release(partition)
				}
				if err := all.nodes[row.creator].Add(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if row.released {
					all.nodes[row.owner].Release(partition)
					take(2)
				}
				if row.connectsLater {
					c = all.connect(t, row.device, n.Device)
				}
				<-time.After(time.Second)
				a := c.Take()
				if a == nil || a.SID != n.SID || row.ttl > 0 && a.Left() <= 0 {
					t.Fatalf("it got %+v", a)
				}
				if err := all.nodes[row.device].Acknowledge(t.Context(), n.Device, n.SID); err != nil {
					t.Fatal(err)
				}
				for i, node := range all.nodes {
					if r, err := node.Find(t.Context(), n.SID); err != nil || r.State != delivery.Delivered {
						t.Errorf("node %d finds %+v, %v", i, r, err)
					}
				}
				<-time.After(2 * time.Minute)
				if again := c.Take(); again != nil {
					t.Errorf("it came again: %+v", again)
				}
			})
		})
	}
}

// Who watches is told what happens at the other nodes, and not twice what happens here.
func TestWatch(t *testing.T) {
	all := newThree(t)
	var seen []string
	stop, err := all.nodes[0].Watch(func(e delivery.Event) { seen = append(seen, e.Record.SID) })
	if err != nil {
		t.Fatal(err)
	}
	for i, node := range all.nodes {
		node.Tell(delivery.Event{Type: delivery.EventCreated, Record: delivery.Record{Notification: deliverytest.Notification(i)}})
	}
	stop()
	all.nodes[1].Tell(delivery.Event{Type: delivery.EventCreated})
	if len(seen) != 2 || seen[0] != deliverytest.Notification(1).SID || seen[1] != deliverytest.Notification(2).SID {
		t.Errorf("it saw %q", seen)
	}
}

// A new owner that was told nothing of the devices that are connected hears it soon.
func TestPresenceIsRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newThree(t)
		n := notification(time.Minute)
		c := all.connect(t, 1, n.Device)
		all.bus.deaf = true
		if err := all.nodes[0].Take(t.Context(), delivery.PartitionOf(n.Device)); err != nil {
			t.Fatal(err)
		}
		if err := all.nodes[2].Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Second)
		if a := c.Take(); a == nil || a.SID != n.SID {
			t.Errorf("it got %+v", a)
		}
		if again := c.Take(); again != nil {
			t.Errorf("it came again: %+v", again)
		}
	})
}

// More devices of one partition than one message can name are connected to a node.
func TestManyDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newThree(t)
		n := notification(time.Minute)
		partition := delivery.PartitionOf(n.Device)
		for i, connected := 0, 0; connected < 12_000; i++ {
			if d := (delivery.Device{ServiceSID: n.ServiceSID, Identity: fmt.Sprintf("one-of-many-%020d", i)}); delivery.PartitionOf(d) == partition {
				connected++
				t.Cleanup(all.hubs[1].Connect(d, "").Close)
			}
		}
		c := all.connect(t, 1, n.Device)
		if err := all.nodes[0].Take(t.Context(), partition); err != nil {
			t.Fatal(err)
		}
		if err := all.nodes[2].Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Second)
		if a := c.Take(); a == nil || a.SID != n.SID {
			t.Errorf("it got %+v", a)
		}
	})
}

// What nobody owns, or has, says so.
func TestNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newThree(t)
		n := notification(time.Minute)
		if err := all.nodes[0].Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if err := all.nodes[1].Acknowledge(t.Context(), n.Device, n.SID); !errors.Is(err, delivery.ErrUnavailable) {
			t.Errorf("without an owner: %v", err)
		}
		if err := all.nodes[0].Take(t.Context(), delivery.PartitionOf(n.Device)); err != nil {
			t.Fatal(err)
		}
		other := deliverytest.Notification(99)
		if err := all.nodes[1].Acknowledge(t.Context(), n.Device, other.SID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("one that is not there: %v", err)
		}
		if _, err := all.nodes[1].Find(t.Context(), other.SID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("finding one that is not there: %v", err)
		}
	})
}
