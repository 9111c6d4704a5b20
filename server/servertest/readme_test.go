package servertest_test

import (
	"testing"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/server/servertest"
)

// What README.md shows.
func TestMyNotifier(t *testing.T) {
	s := servertest.New(t) // a running server: s.URL, s.AccountSID, s.AuthToken

	c, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateNotification(t.Context(), client.Challenge{
		ServiceSID: "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		Identity:   "ff483d1ff591898a9942916050d2ca3f",
		SID:        "YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	}, api.CreateNotificationRequest{Ttl: new(0)})
	if err != nil {
		t.Fatal(err)
	}
	// What it was asked, what it accepted, what was delivered:
	_, _, _ = s.Requests(), s.Notifications(), s.Delivered()
}
