package delivery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

func TestBoundsOfWhatIsPending(t *testing.T) {
	clock := delivery.NewManualClock(deliverytest.Start)
	queue := newQueue(t, delivery.Config{
		Channels: map[string]delivery.Channel{"stream": &script{results: []delivery.Result{offline}}}, Clock: clock,
		MaxPending: 5, MaxPendingDevice: 2,
	})
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
