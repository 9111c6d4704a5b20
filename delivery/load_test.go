package delivery_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

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
