package servertest_test

import (
	"testing"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/server/servertest"
)

// A device that connects late gets what waits for it, and what has expired meanwhile does not come.
func Example() {
	_ = func(t *testing.T) {
		s := servertest.New(t)
		c, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken))
		if err != nil {
			t.Fatal(err)
		}
		challenge := client.Challenge{
			ServiceSID: "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Identity: "ff483d1ff591898a9942916050d2ca3f",
			SID: "YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		}
		for _, ttl := range []int{10, 150} {
			if _, err := c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{Ttl: new(ttl)}); err != nil {
				t.Fatal(err)
			}
		}
		s.Advance(time.Minute)
		device := s.Device(t, challenge.ServiceSID, challenge.Identity)
		device.Acknowledge(t, device.Next(t).Sid)
		if len(s.Delivered()) != 1 {
			t.Error("one of two has expired")
		}
	}
}
