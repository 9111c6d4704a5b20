package servertest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

// What docs/testing.md shows.

var challenge = client.Challenge{
	ServiceSID: "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	Identity:   "ff483d1ff591898a9942916050d2ca3f",
	SID:        "YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
}

func notify(t *testing.T, s *servertest.Server, challenge client.Challenge, ttl int) (*api.Notification, error) {
	t.Helper()
	c, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	return c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{Ttl: &ttl})
}

func TestArrivesWhenTheDeviceIsBack(t *testing.T) {
	s := servertest.New(t)
	if _, err := notify(t, s, challenge, 60); err != nil {
		t.Fatal(err)
	}
	s.Advance(59 * time.Second) // nobody is there for 59 seconds
	device := s.Device(t, challenge.ServiceSID, challenge.Identity)
	n := device.Next(t)
	if n.Ttl != 1 {
		t.Errorf("it is valid for %d s more", n.Ttl)
	}
	device.Acknowledge(t, n.Sid)
	if len(s.Delivered()) != 1 {
		t.Error("it was not delivered")
	}
}

func TestExpires(t *testing.T) {
	s := servertest.New(t)
	n, err := notify(t, s, challenge, 60)
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Minute)
	if record, err := s.Find(*n.Sid); err != nil || record.State != delivery.Expired {
		t.Errorf("it is %v, %v", record.State, err)
	}
}

func TestAnsweredChallenge(t *testing.T) {
	s := servertest.New(t)
	answered := challenge
	answered.SID = challenges.Code(60322)
	_, err := notify(t, s, answered, 60)
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != 60322 {
		t.Errorf("it is %v", err)
	}
}
