package stream_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/stream"
)

func attempt(i int) delivery.Attempt {
	n := deliverytest.Notification(i)
	return delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}
}

// taken takes all that a connection has.
func taken(c *stream.Connection) (sids []string) {
	for a := c.Take(); a != nil; a = c.Take() {
		sids = append(sids, a.SID)
	}
	return sids
}

func TestHub(t *testing.T) {
	var hub stream.Hub
	if result := hub.Deliver(t.Context(), attempt(0)); result.String() != "waiting" {
		t.Errorf("offline: %s", result)
	}
	device := attempt(0).Device
	a, b, other := hub.Connect(device, ""), hub.Connect(device, attempt(10).SID), hub.Connect(attempt(1).Device, "")
	if hub.Connections() != 3 || !hub.Present(device) || hub.Present(attempt(2).Device) {
		t.Errorf("%d connections", hub.Connections())
	}
	if result := hub.Deliver(t.Context(), attempt(0)); result.String() != "sent" {
		t.Errorf("online: %s", result)
	}
	for _, c := range []*stream.Connection{a, b} {
		if got := taken(c); !slices.Equal(got, []string{attempt(0).SID}) {
			t.Errorf("got %s", got)
		}
	}
	hub.Deliver(t.Context(), attempt(10))
	if len(taken(a)) != 1 || len(taken(b)) != 0 || len(taken(other)) != 0 {
		t.Error("what the device has already was sent again, or went to another device")
	}
	a.Close()
	a.Close()
	b.Close()
	other.Close()
	if result := hub.Deliver(t.Context(), attempt(0)); result.String() != "waiting" || hub.Connections() != 0 {
		t.Errorf("after Close: %s, %d connections", result, hub.Connections())
	}
}

func TestOneConnectionTooManyClosesTheOldest(t *testing.T) {
	hub := stream.Hub{MaxConnections: 2}
	device := attempt(0).Device
	first, second, third := hub.Connect(device, ""), hub.Connect(device, ""), hub.Connect(device, "")
	<-first.Done()
	hub.Deliver(t.Context(), attempt(0))
	if len(taken(first)) != 0 || len(taken(second)) != 1 || len(taken(third)) != 1 || hub.Connections() != 2 {
		t.Errorf("%d connections", hub.Connections())
	}
	hub.Disconnect(device)
	<-second.Done()
	<-third.Done()
}

// A TTL of 0 has a place when nothing else has one, and comes first.
func TestWhatIsSentOnceOvertakes(t *testing.T) {
	var hub stream.Hub
	slow := hub.Connect(attempt(0).Device, "")
	results := map[string]int{}
	for i := range 70 {
		results[hub.Deliver(t.Context(), attempt(10*i)).String()]++
	}
	if results["sent"] != 64 || results["waiting"] != 6 {
		t.Errorf("%v", results)
	}
	once := attempt(710)
	once.TTL, once.Remaining = 0, 0
	if result := hub.Deliver(t.Context(), once).String(); result != "sent" {
		t.Errorf("a TTL of 0: %s", result)
	}
	if got := taken(slow); len(got) != 65 || got[0] != once.SID || got[1] != attempt(0).SID {
		t.Errorf("%d taken", len(got))
	}
}

// queue is a queue over a store in memory that delivers to the hub, on a clock that stands.
func queue(t *testing.T, hub *stream.Hub) *delivery.Queue {
	t.Helper()
	q, err := delivery.NewQueue(context.Background(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{"stream": hub}, Clock: delivery.NewManualClock(deliverytest.Start),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// A device that reads gets everything, however much is pending when it connects and is created meanwhile, and each once;
// one that does not read costs nobody anything.
func TestReaderGetsEverythingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := &stream.Hub{}
		q := queue(t, hub)
		device := deliverytest.Notification(0).Device
		add := func(from, to int) {
			for i := from; i < to; i++ {
				n := deliverytest.Notification(10 * i)
				n.Created = deliverytest.Start
				if err := q.Add(t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
		}
		add(0, 500)
		q.Idle()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		feed := func(c *stream.Connection) {
			_ = c.Feed(ctx, func(ctx context.Context, after delivery.Position, limit int) (delivery.Position, bool, error) {
				return q.WakeSome(ctx, device, after, limit)
			})
		}
		reader, silent := hub.Connect(device, ""), hub.Connect(device, "")
		feed(silent)
		got := map[string]int{}
		go func() {
			for {
				select {
				case <-reader.Room():
					feed(reader)
				case <-reader.Ready():
					for _, sid := range taken(reader) {
						got[sid]++
					}
				case <-reader.Done():
					return
				}
			}
		}()
		add(500, 900)
		synctest.Wait()
		reader.Close()
		silent.Close()
		synctest.Wait()
		if len(got) != 900 {
			t.Errorf("%d of 900", len(got))
		}
		for sid, n := range got {
			if n != 1 {
				t.Errorf("%s came %d times", sid, n)
			}
		}
	})
}

func TestChannel(t *testing.T) {
	deliverytest.TestChannel(t, func(*testing.T) deliverytest.Receiver {
		hub := &stream.Hub{}
		connection := hub.Connect(delivery.Device{ServiceSID: "VA1", Identity: "there"}, "")
		return deliverytest.Receiver{
			Channel: hub,
			Notification: func(i int, there bool) delivery.Notification {
				n := deliverytest.Notification(i)
				if there {
					n.Device = delivery.Device{ServiceSID: "VA1", Identity: "there"}
				}
				return n
			},
			Received: func() []string { return taken(connection) },
		}
	})
}
