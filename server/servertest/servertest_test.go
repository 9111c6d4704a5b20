package servertest_test

import (
	"testing"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server/servertest"
)

var service, identity = documented.ServiceSID, documented.Identity

// create sends a notification with a TTL in seconds, as a caller does, and gives its SID.
func create(t *testing.T, s *servertest.Server, ttl int) string {
	t.Helper()
	c, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.CreateNotification(t.Context(), client.Challenge{ServiceSID: service, Identity: identity, SID: documented.ChallengeSID},
		api.CreateNotificationRequest{Ttl: &ttl})
	if err != nil {
		t.Fatal(err)
	}
	return *n.Sid
}

func state(t *testing.T, s *servertest.Server, sid string) delivery.State {
	t.Helper()
	record, err := s.Find(sid)
	if err != nil {
		t.Fatal(err)
	}
	return record.State
}

func TestDeviceOnline(t *testing.T) {
	s := servertest.New(t)
	device := s.Device(t, service, identity)
	second := s.Device(t, service, identity)
	sid := create(t, s, 150)
	n := device.Next(t)
	if n.Sid != sid || n.Ttl < 149 || n.Ttl > 150 || n.Type != "verify_push_challenge" || n.Identity != identity || n.ServiceSid != service {
		t.Errorf("got %+v", n)
	}
	if again := second.Next(t); again.Sid != sid {
		t.Errorf("the second connection got %+v", again)
	}
	if got := state(t, s, sid); got != delivery.Pending {
		t.Errorf("before the acknowledgement it is %s", got)
	}
	device.Acknowledge(t, sid)
	second.Acknowledge(t, sid)
	if got := state(t, s, sid); got != delivery.Delivered || len(s.Delivered()) != 1 || s.Delivered()[0].Identity != identity {
		t.Errorf("it is %s; delivered: %+v", got, s.Delivered())
	}
}

func TestDeviceOfflineThenOnline(t *testing.T) {
	s := servertest.New(t)
	sid := create(t, s, 150)
	s.Advance(100 * time.Second)
	device := s.Device(t, service, identity)
	if n := device.Next(t); n.Sid != sid || n.Ttl > 50 {
		t.Errorf("got %+v, want what is left of the TTL", n)
	}
	// It goes away without an acknowledgement: the notification comes again.
	device.Disconnect()
	device = s.Device(t, service, identity)
	if n := device.Next(t); n.Sid != sid {
		t.Errorf("got %+v", n)
	}
	device.Acknowledge(t, sid)
	device.Disconnect()
	device = s.Device(t, service, identity)
	next := create(t, s, 150)
	if n := device.Next(t); n.Sid != next {
		t.Errorf("what was acknowledged came again: %+v", n)
	}
}

func TestDeviceOnlineAfterTheTTL(t *testing.T) {
	s := servertest.New(t)
	sid := create(t, s, 150)
	s.Advance(150 * time.Second)
	if got := state(t, s, sid); got != delivery.Expired {
		t.Errorf("after its TTL it is %s", got)
	}
	device := s.Device(t, service, identity)
	next := create(t, s, 150)
	if n := device.Next(t); n.Sid != next {
		t.Errorf("an expired notification arrived: %+v", n)
	}
}

func TestTTLZero(t *testing.T) {
	s := servertest.New(t)
	lost := create(t, s, 0)
	if got := state(t, s, lost); got != delivery.Expired {
		t.Errorf("with the device offline it is %s", got)
	}
	device := s.Device(t, service, identity)
	sid := create(t, s, 0)
	if n := device.Next(t); n.Sid != sid || n.Ttl != 0 {
		t.Errorf("got %+v", n)
	}
	device.Acknowledge(t, sid)
	if got := state(t, s, sid); got != delivery.Delivered {
		t.Errorf("acknowledged, it is %s", got)
	}
	// Sent once and not acknowledged: it does not come again.
	unseen := create(t, s, 0)
	if n := device.Next(t); n.Sid != unseen {
		t.Errorf("got %+v", n)
	}
	device.Disconnect()
	device = s.Device(t, service, identity)
	last := create(t, s, 150)
	if n := device.Next(t); n.Sid != last {
		t.Errorf("got %+v", n)
	}
}
