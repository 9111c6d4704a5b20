package nats_test

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
	"github.com/nudgehq/nudge/delivery/jetstream"
)

// The limit of a challenge holds over processes that create at the same time.
func TestLimitOverProcesses(t *testing.T) {
	o := options(natsServer(t))
	stores := []*jetstream.Store{open(t, o), open(t, o), open(t, o)}
	const challenges, creates, limit = 10, 15, 3
	var taken [challenges]atomic.Int64
	var group sync.WaitGroup
	for i := range challenges * creates {
		group.Go(func() {
			challenge := i % challenges
			n := deliverytest.Notification(i)
			n.Device = deliverytest.Notification(challenge).Device
			n.ChallengeSID, n.ChallengeLimit = fmt.Sprintf("YC%032x", challenge), limit
			switch err := stores[i%len(stores)].Add(t.Context(), n); {
			case err == nil:
				taken[challenge].Add(1)
			case !errors.Is(err, delivery.ErrLimit):
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range taken {
		if taken[i].Load() != limit {
			t.Errorf("challenge %d has %d", i, taken[i].Load())
		}
	}
}

// What one process stores another, which follows its partition, is given, with what became of it.
func TestFollow(t *testing.T) {
	o := options(natsServer(t))
	creator, owner := open(t, o), open(t, o)
	before, after := deliverytest.Notification(0), deliverytest.Notification(10)
	partition := delivery.PartitionOf(before.Device)
	if err := creator.Add(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	var there []string
	for record, err := range owner.PendingIn(t.Context(), partition) {
		if err != nil {
			t.Fatal(err)
		}
		there = append(there, record.SID)
	}
	if len(there) != 1 || there[0] != before.SID {
		t.Fatalf("there were %v", there)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	given := make(chan delivery.Record, 10)
	go owner.Follow(ctx, partition, func(r delivery.Record) { given <- r })
	if err := creator.Add(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if r := <-given; r.SID != after.SID || r.State != delivery.Pending {
		t.Errorf("given %+v", r)
	}
	for _, n := range []delivery.Notification{before, after} {
		if err := creator.End(t.Context(), delivery.Record{Notification: n, State: delivery.Delivered, Ended: deliverytest.Start}); err != nil {
			t.Fatal(err)
		}
		if r := <-given; r.SID != n.SID || r.State != delivery.Delivered {
			t.Errorf("given %+v", r)
		}
		if err := owner.End(t.Context(), delivery.Record{Notification: n, State: delivery.Expired, Ended: deliverytest.Start}); !errors.Is(err, delivery.ErrEnded) {
			t.Errorf("a second outcome: %v", err)
		}
	}
}

// A record of a device is found by one request, pending or not.
func TestFindOf(t *testing.T) {
	s := open(t, options(natsServer(t)))
	n := deliverytest.Notification(0)
	if err := s.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if r, err := s.FindOf(t.Context(), n.Device, n.SID); err != nil || r.Notification != n || r.State != delivery.Pending {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := s.FindOf(t.Context(), deliverytest.Notification(1).Device, n.SID); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("of another device: %v", err)
	}
	long := delivery.Record{Notification: n, State: delivery.Failed, Attempts: 60000, LastAttempt: time.Now().UTC(), Ended: time.Now().UTC(), Reason: strings.Repeat("é", 300)}
	if err := s.End(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	if r, err := s.FindOf(t.Context(), n.Device, n.SID); err != nil || r.State != delivery.Failed || len(r.Reason) > 100 {
		t.Errorf("%+v %v", r, err)
	}
}

// A stream that is full refuses what comes; what is pending in it ends all the same.
func TestFullStream(t *testing.T) {
	o := options(natsServer(t))
	o.Streams, o.MaxBytes = 1, 20_000
	s := open(t, o)
	var taken []delivery.Notification
	for i := range 200 {
		n := deliverytest.Notification(i)
		if s.Add(t.Context(), n) != nil {
			break
		}
		taken = append(taken, n)
	}
	if len(taken) == 0 || len(taken) == 200 {
		t.Fatalf("%d were taken", len(taken))
	}
	for _, n := range taken {
		at := time.Now().UTC()
		if err := s.End(t.Context(), delivery.Record{Notification: n, State: delivery.Failed, Attempts: 60000, LastAttempt: at, Ended: at, Reason: strings.Repeat("x", 200)}); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever comes second finds the streams as they have to be, or says what is wrong.
func TestSetUp(t *testing.T) {
	servers := natsServer(t)
	for _, row := range []struct {
		name   string
		change func(o *jetstream.Options)
		says   string
	}{
		{name: "another number of streams", change: func(o *jetstream.Options) { o.Streams = 2 }, says: "streams is 4, and not 2"},
		{name: "another bound", change: func(o *jetstream.Options) { o.MaxBytes = 1 << 20 }, says: "max_bytes is -1, and not 1048576"},
		{name: "weak durability", change: func(o *jetstream.Options) { o.AcceptWeakDurability = false }, says: "no server tells whether it syncs each write"},
		{name: "a prefix that is no name", change: func(o *jetstream.Options) { o.Prefix = "a.b" }, says: "the prefix"},
		{name: "no server", change: func(o *jetstream.Options) { o.Servers = "nats://127.0.0.1:1" }, says: "no NATS server can be reached"},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := options(servers)
			open(t, o)
			row.change(&o)
			if _, err := jetstream.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want %q", err, row.says)
			}
		})
	}
}
