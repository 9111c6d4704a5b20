package stream_test

import (
	"testing"
	"testing/synctest"

	"github.com/nudgehq/nudge/server/delivery"
	"github.com/nudgehq/nudge/server/delivery/deliverytest"
	"github.com/nudgehq/nudge/server/delivery/stream"
)

func attempt(i int) delivery.Attempt {
	n := deliverytest.Notification(i)
	return delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}
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
	if got := (<-a.Notifications()).SID + (<-b.Notifications()).SID; got != attempt(0).SID+attempt(0).SID {
		t.Errorf("got %s", got)
	}
	hub.Deliver(t.Context(), attempt(10))
	if len(a.Notifications()) != 1 || len(b.Notifications()) != 0 || len(other.Notifications()) != 0 {
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

func TestSlowReaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hub stream.Hub
		slow := hub.Connect(attempt(0).Device, "")
		results := map[string]int{}
		for i := range 70 {
			results[hub.Deliver(t.Context(), attempt(10*i)).String()]++
		}
		<-slow.Done()
		if results["sent"] != 64 || results["waiting"] != 6 || hub.Connections() != 0 || len(slow.Notifications()) != 64 {
			t.Errorf("%v, %d connections, %d buffered", results, hub.Connections(), len(slow.Notifications()))
		}
	})
}

// A device that reads gets everything, however much is pending when it connects, and each once.
func TestReaderGetsEverythingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hub stream.Hub
		reader := hub.Connect(attempt(0).Device, "")
		got := map[string]int{}
		go func() {
			for {
				select {
				case a := <-reader.Notifications():
					got[a.SID]++
				case <-reader.Done():
					return
				}
			}
		}()
		for range 2 {
			for i := range 500 {
				a := attempt(10 * i)
				a.Created = deliverytest.Start
				if result := hub.Deliver(t.Context(), a).String(); result != "sent" {
					t.Fatal(result)
				}
			}
		}
		synctest.Wait()
		reader.Close()
		synctest.Wait()
		if len(got) != 500 {
			t.Errorf("%d of 500", len(got))
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
			Received: func() (sids []string) {
				for len(connection.Notifications()) > 0 {
					sids = append(sids, (<-connection.Notifications()).SID)
				}
				return sids
			},
		}
	})
}
