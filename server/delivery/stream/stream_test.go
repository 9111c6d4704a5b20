package stream_test

import (
	"testing"

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
	var hub stream.Hub
	slow := hub.Connect(attempt(0).Device, "")
	results := map[string]int{}
	for range 100 {
		results[hub.Deliver(t.Context(), attempt(0)).String()]++
	}
	if results["sent"] != 64 || results["waiting"] != 36 || hub.Connections() != 0 {
		t.Errorf("%v, %d connections", results, hub.Connections())
	}
	read := 0
	for range slow.Notifications() {
		read++
	}
	if read != 64 {
		t.Errorf("read %d", read)
	}
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
