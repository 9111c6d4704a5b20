package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

// In a test, a faithful server in one line stands in for the hosted service.
func Example_test() {
	_ = func(t *testing.T) {
		s := servertest.New(t)
		c, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.CreateNotification(t.Context(), client.Challenge{
			ServiceSID: "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Identity: "ff483d1ff591898a9942916050d2ca3f",
			SID: challenges.Code(60323), // answers "The Challenge has expired"
		}, api.CreateNotificationRequest{})
		if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != 60323 {
			t.Error(err)
		}
	}
}

func ExampleClient_CreateNotification() {
	c, err := client.New(client.WithBasicAuth("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "dev0token"))
	if err != nil {
		log.Fatal(err)
	}
	notification, err := c.CreateNotification(context.Background(), client.Challenge{
		ServiceSID: "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		Identity:   "ff483d1ff591898a9942916050d2ca3f",
		SID:        "YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	}, api.CreateNotificationRequest{Ttl: new(150)})
	if refused, ok := errors.AsType[*client.Error](err); ok {
		log.Fatalf("the service refused with %d: %s", refused.Code, refused.Message)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*notification.Sid, notification.Ttl)
}

// A parameter that breaks the document's rules is not sent.
func ExampleInvalidError() {
	c, err := client.New(client.WithBasicAuth("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "dev0token"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.CreateNotification(context.Background(), client.Challenge{
		ServiceSID: "the service of the shop",
		Identity:   "ff483d1ff591898a9942916050d2ca3f",
		SID:        "YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	}, api.CreateNotificationRequest{Ttl: new(150)})
	if invalid, ok := errors.AsType[*client.InvalidError](err); ok {
		fmt.Println("not sent:", invalid.Field)
	}
	// Output: not sent: ServiceSid
}
