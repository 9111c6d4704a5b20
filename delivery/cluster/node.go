package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

const (
	// askTime is how long a question to one node may take, and wakeTime one that makes attempts.
	askTime  = 2 * time.Second
	wakeTime = 10 * time.Second
	// anyTime is how long an answer of any node is waited for, where most have none.
	anyTime = 300 * time.Millisecond
	// hereTime is how long a new owner waits to be told which devices are connected.
	hereTime = 100 * time.Millisecond
	// hereEvery is how often a node says which devices are connected to it: what was not heard is repaired. hereKept is how long
	// that is believed.
	hereEvery = 5 * time.Second
	hereKept  = 3 * hereEvery
	// hereAtOnce is how many devices are named in one message: some 100 kB, of the 1 MB that NATS carries.
	hereAtOnce = 1000
	// wokenAgain is how much of a device's is tried each time.
	wokenAgain = 1000
)

// Store is a store that nodes share. Package jetstream has one.
type Store interface {
	delivery.PartitionedStore
	// Follow gives the records of a partition that are stored after PendingIn has read it, until ctx is done.
	Follow(ctx context.Context, partition int, each func(delivery.Record))
	// Forget ends what PendingIn began.
	Forget(partition int)
}

// Hub is the channel to the devices that are connected to this node. *stream.Hub is one.
type Hub interface {
	delivery.Presence
	// Devices lists the devices that are connected.
	Devices() []delivery.Device
}

// Config is what a Node is made of; all of it is required.
type Config struct {
	// ID is this process's: a token that no other has.
	ID     string
	Store  Store
	Bus    Bus
	Hub    Hub
	Logger *slog.Logger
}

// Node is one of the processes that deliver together. Its methods are those of a delivery.Queue that HTTP needs.
type Node struct {
	Config
	queue *delivery.Queue
	stop  []func()

	mu sync.Mutex
	// owned are the partitions that are owned.
	owned map[int]*ownedPartition
	// where are the other nodes to which the devices of owned partitions are connected, with when each said so last.
	where map[delivery.Device]map[string]time.Time
}

// ownedPartition is what goes on for a partition.
type ownedPartition struct {
	cancel context.CancelFunc
	ended  chan struct{}
	// silence ends listening on its subject.
	silence func()
}

// New makes a node. Its Channel is the one to devices that a queue is to be made with; Serve then begins.
func New(config Config) *Node {
	return &Node{Config: config, owned: map[int]*ownedPartition{}, where: map[delivery.Device]map[string]time.Time{}}
}

// Serve answers the other nodes, until Close.
func (n *Node) Serve(queue *delivery.Queue) error {
	n.queue = queue
	for subject, handle := range map[string]func(question) *answer{ofNode(n.ID): n.asNode, ofAll: n.asAny} {
		stop, err := n.Bus.Handle(subject, reply(handle))
		if err != nil {
			return fmt.Errorf("cluster: listening on %s: %w", subject, err)
		}
		n.stop = append(n.stop, stop)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = append(n.stop, cancel)
	go n.announce(ctx)
	return nil
}

// Close answers no more. Partitions are released before.
func (n *Node) Close() {
	for _, stop := range n.stop {
		stop()
	}
}

// ask asks for an answer.
func (n *Node) ask(ctx context.Context, within time.Duration, subject string, q question) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	data, err := n.Bus.Request(ctx, subject, encode(q))
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	return a, err
}

// Take takes up a partition: it listens for what its owner is told, asks who has its devices, and then delivers.
func (n *Node) Take(ctx context.Context, partition int) error {
	n.mu.Lock()
	known := n.owned[partition]
	n.mu.Unlock()
	if known != nil {
		return nil
	}
	silence, err := n.Bus.Handle(ofOwner(partition), reply(func(q question) *answer { return n.asOwner(partition, q) }))
	if err != nil {
		return fmt.Errorf("cluster: listening for partition %d: %w", partition, err)
	}
	// Who has devices says so by itself; nobody answers.
	_, _ = n.ask(ctx, hereTime, ofAll, question{Devices: &partition})
	if err := n.queue.Take(ctx, partition); err != nil {
		silence()
		n.Store.Forget(partition)
		return err
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &ownedPartition{cancel: cancel, ended: make(chan struct{}), silence: silence}
	n.mu.Lock()
	n.owned[partition] = p
	n.mu.Unlock()
	go func() {
		defer close(p.ended)
		n.Store.Follow(following, partition, func(record delivery.Record) {
			if err := n.queue.Accept(record); err != nil {
				n.Logger.Error("a stored notification cannot be taken up", slog.String("sid", record.SID), slog.Any("error", err))
			}
		})
	}()
	return nil
}

// Release lets a partition go.
func (n *Node) Release(partition int) {
	n.mu.Lock()
	p := n.owned[partition]
	delete(n.owned, partition)
	for device := range n.where {
		if delivery.PartitionOf(device) == partition {
			delete(n.where, device)
		}
	}
	n.mu.Unlock()
	if p == nil {
		return
	}
	p.silence()
	p.cancel()
	<-p.ended
	n.queue.Release(partition)
	n.Store.Forget(partition)
}

// Extend moves the end of the lease.
func (n *Node) Extend(until time.Time) { n.queue.Extend(until) }

// Owned is how many partitions are owned.
func (n *Node) Owned() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.owned)
}

// Pending is how many notifications wait for their outcome at this node.
func (n *Node) Pending() int { return n.queue.Pending() }

// Add stores a notification; its partition's owner delivers it. One with a TTL of 0 is attempted from here.
func (n *Node) Add(ctx context.Context, notification delivery.Notification) error {
	return n.queue.Add(ctx, notification)
}

// WakeSome tries what waits for a device that is connected here; see delivery.Queue. Where nobody owns its partition nothing is
// tried: who takes it asks for its devices.
func (n *Node) WakeSome(ctx context.Context, d delivery.Device, after delivery.Position, limit int) (delivery.Position, bool, error) {
	partition := delivery.PartitionOf(d)
	if n.queue.Owns(partition) {
		return n.queue.WakeSome(ctx, d, after, limit)
	}
	a, err := n.ask(ctx, wakeTime, ofOwner(partition), question{Wake: &wake{n.ID, d, after, limit}})
	switch {
	case errors.Is(err, ErrNobody):
		return after, false, nil
	case err != nil:
		return after, false, fmt.Errorf("%w: %w", delivery.ErrUnavailable, err)
	case a.Last == nil:
		return after, false, a.Failed.err()
	}
	return *a.Last, a.More, a.Failed.err()
}

// Acknowledge ends a notification as delivered; see delivery.Queue.
func (n *Node) Acknowledge(ctx context.Context, d delivery.Device, sid string) error {
	partition := delivery.PartitionOf(d)
	if n.queue.Owns(partition) || n.queue.Knows(sid) {
		if !n.hasTaken(partition) && !n.queue.Knows(sid) {
			return stillReading()
		}
		if err := n.queue.Acknowledge(ctx, d, sid); !errors.Is(err, delivery.ErrNotFound) {
			return err
		}
	} else {
		a, err := n.ask(ctx, askTime, ofOwner(partition), question{Acknowledge: &acknowledgement{d, sid}})
		if err != nil {
			return fmt.Errorf("%w: %w", delivery.ErrUnavailable, err)
		}
		if a.Failed != notFound {
			return a.Failed.err()
		}
	}
	// One with a TTL of 0 is its creator's.
	a, err := n.ask(ctx, anyTime, ofAll, question{Acknowledge: &acknowledgement{d, sid}})
	if err != nil {
		return delivery.ErrNotFound
	}
	return a.Failed.err()
}

// Find gives what became of a notification; see delivery.Queue. Whose it is, is asked first: else all that is stored is read.
func (n *Node) Find(ctx context.Context, sid string) (delivery.Record, error) {
	if !n.queue.Knows(sid) {
		if a, err := n.ask(ctx, anyTime, ofAll, question{Find: sid}); err == nil && a.Record != nil {
			return *a.Record, nil
		}
	}
	return n.queue.Find(ctx, sid)
}

// Tell tells the other nodes of an event, for those who Watch.
func (n *Node) Tell(e delivery.Event) { _ = n.Bus.Publish(ofEvents, encode(told{n.ID, e})) }

// Watch gives the events of the other nodes to each, until stop is called.
func (n *Node) Watch(each func(delivery.Event)) (stop func(), err error) {
	return n.Bus.Listen(ofEvents, func(data []byte) {
		var t told
		if json.Unmarshal(data, &t) == nil && t.Node != n.ID {
			each(t.Event)
		}
	})
}
