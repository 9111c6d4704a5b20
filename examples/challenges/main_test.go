package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/challenges"
)

const token = "sample-token"

// A team proves its service like this, or with nudge contract --spec challenges.
func TestTheSampleKeepsTheContract(t *testing.T) {
	s := httptest.NewServer(newHandler(newStore(), token))
	t.Cleanup(s.Close)
	contract.Test(t, s.URL, contract.WithDocument("challenges", challenges.OpenAPI), contract.WithHeader("Authorization", "Bearer "+token))
}

func TestNudgeFindsItsChallenges(t *testing.T) {
	kept := newStore()
	s := httptest.NewServer(newHandler(kept, token))
	t.Cleanup(s.Close)
	remote, err := challenges.NewRemote(challenges.RemoteConfig{URL: s.URL, Token: func() string { return token }})
	if err != nil {
		t.Fatal(err)
	}
	repeat := func(prefix, digit string) string { return prefix + strings.Repeat(digit, 32) }
	// What begins a SID is what nudge's own document says of it.
	k := server.ChallengeKey{AccountSID: repeat("AC", "a"), ServiceSID: repeat(documented.Prefix("ServiceSid"), "a"), Identity: "ff483d1ff591898a9942916050d2ca3f", ChallengeSID: repeat(documented.Prefix("ChallengeSid"), "a")}
	kept.put(key{k.AccountSID, k.ServiceSID, k.Identity, k.ChallengeSID},
		Challenge{Status: Pending, Channel: "stream", NotificationLimit: new(0), Details: &map[string]string{"place": "Oslo"}})
	found, err := remote.Find(context.Background(), k)
	if err != nil || found.Status != server.StatusPending || found.Channel != challenges.ChannelStream || found.NotificationLimit != 0 || found.Details["place"] != "Oslo" {
		t.Errorf("%+v, %v", found, err)
	}
	k.ChallengeSID = repeat(documented.Prefix("ChallengeSid"), "b")
	var refused *server.Error
	if _, err := remote.Find(context.Background(), k); !errors.As(err, &refused) || refused.Code != server.CodeNotFound {
		t.Errorf("another challenge: %v", err)
	}
	// A login makes one, and it is found at once.
	kept.put(key{k.AccountSID, k.ServiceSID, k.Identity, k.ChallengeSID}, Challenge{Status: Approved, Channel: "none"})
	if found, err := remote.Find(context.Background(), k); err != nil || found.Status != server.StatusApproved {
		t.Errorf("%+v, %v", found, err)
	}
}
