package challenges_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

var service, identity = documented.Prefix("ServiceSid") + "00000000000000000000000000000001", "user-0001"

var (
	mine   = accounts.DevelopmentSID
	theirs = "AC" + strings.Repeat("b", 32)
	now    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func sid(n int) string { return fmt.Sprintf("YC%032x", n) }

// entry writes one challenge of a file.
func entry(account string, challenge int, more string) string {
	return fmt.Sprintf("- {account_sid: %s, service_sid: %s, identity: %s, challenge_sid: %s%s}\n", account, service, identity, sid(challenge), more)
}

func write(t *testing.T, path string, entries ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("challenges:\n"+strings.Join(entries, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs a server with a file of challenges, at a time that the test moves.
func start(t *testing.T, clock *atomic.Int64, entries ...string) (s *servertest.Server, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "challenges.yaml")
	write(t, path, entries...)
	file, err := challenges.OpenFile(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	clock.Store(now.Unix())
	return servertest.New(t, func(c *server.Config) {
		c.Challenges = file
		c.Now = func() time.Time { return time.Unix(clock.Load(), 0) }
	}), path
}

// create asks for a notification and gives the error's code, 0 for none.
func create(t *testing.T, s *servertest.Server, service, identity string, challenge int) int {
	t.Helper()
	c, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateNotification(t.Context(), client.Challenge{ServiceSID: service, Identity: identity, SID: sid(challenge)}, api.CreateNotificationRequest{})
	var refused *client.Error
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &refused):
		t.Fatal(err)
	}
	return refused.Code
}

func TestFileRules(t *testing.T) {
	var clock atomic.Int64
	s, path := start(t, &clock,
		entry(mine, 1, ""),
		entry(mine, 2, ", status: approved"),
		entry(mine, 3, ", status: denied"),
		entry(mine, 4, ", status: expired"),
		entry(mine, 5, ", expires: 2026-11-23T12:00:10Z"),
		entry(mine, 6, ", channel: none"),
		entry(theirs, 7, ""),
		entry(mine, 8, ", status: pending, channel: stream, entity_sid: YE00000000000000000000000000000009"),
	)
	for name, c := range map[string]struct{ challenge, code int }{
		"pending":              {challenge: 1, code: 0},
		"approved":             {challenge: 2, code: server.CodeChallengeAnswered},
		"denied":               {challenge: 3, code: server.CodeChallengeAnswered},
		"expired":              {challenge: 4, code: server.CodeChallengeExpired},
		"not expired yet":      {challenge: 5, code: 0},
		"no platform":          {challenge: 6, code: server.CodePlatformNone},
		"another account's":    {challenge: 7, code: server.CodeNotFound},
		"all fields":           {challenge: 8, code: 0},
		"unknown":              {challenge: 9, code: server.CodeNotFound},
		"an error's own code":  {challenge: 60323, code: server.CodeNotFound},
		"unknown in the table": {challenge: 0, code: server.CodeNotFound},
	} {
		if code := create(t, s, service, identity, c.challenge); code != c.code {
			t.Errorf("%s: code %d, want %d", name, code, c.code)
		}
	}
	if code := create(t, s, service, "user-0002", 1); code != server.CodeNotFound {
		t.Errorf("another identity: %d", code)
	}
	if code := create(t, s, documented.Prefix("ServiceSid")+"00000000000000000000000000000002", identity, 1); code != server.CodeNotFound {
		t.Errorf("another service: %d", code)
	}
	clock.Add(9)
	if code := create(t, s, service, identity, 5); code != 0 {
		t.Errorf("a second before the expiry: %d", code)
	}
	clock.Add(1)
	if code := create(t, s, service, identity, 5); code != server.CodeChallengeExpired {
		t.Errorf("at the expiry: %d", code)
	}
	write(t, path, entry(mine, 1, ", status: approved"), entry(mine, 9, ""))
	if one, nine := create(t, s, service, identity, 1), create(t, s, service, identity, 9); one != server.CodeChallengeAnswered || nine != 0 {
		t.Errorf("after a change of the file: %d and %d", one, nine)
	}
}

func TestLimitHoldsAgainstRaces(t *testing.T) {
	var clock atomic.Int64
	s, _ := start(t, &clock, entry(mine, 1, ""), entry(mine, 2, ""))
	var accepted, refused atomic.Int64
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			switch code := create(t, s, service, identity, 1); code {
			case 0:
				accepted.Add(1)
			case server.CodeTooManyNotifications:
				refused.Add(1)
			default:
				t.Errorf("code %d", code)
			}
		})
	}
	group.Wait()
	if accepted.Load() != 3 || refused.Load() != 17 {
		t.Errorf("%d accepted, %d refused; the limit is 3", accepted.Load(), refused.Load())
	}
	if code := create(t, s, service, identity, 2); code != 0 {
		t.Errorf("another challenge: %d", code)
	}
}

func TestAnyHasNoLimit(t *testing.T) {
	s := servertest.New(t)
	for range challenges.NotificationLimit + 2 {
		if code := create(t, s, service, identity, 1); code != 0 {
			t.Fatalf("code %d", code)
		}
	}
	none := servertest.New(t, func(c *server.Config) { c.Challenges = challenges.Any{Channel: server.ChannelNone} })
	if code := create(t, none, service, identity, 1); code != server.CodePlatformNone {
		t.Errorf("without a platform: %d", code)
	}
}

func TestInvalidFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "challenges.yaml")
	for want, text := range map[string]string{
		"challenges[0].account_sid: must be a string of 34": entry("AC1", 1, ""),
		"challenges[1].status: must be one of":              entry(mine, 1, "") + entry(mine, 2, ", status: open"),
		"challenges[0].channel: must be one of":             entry(mine, 1, ", channel: pigeon"),
		"challenges[0].address: the channel webhook":        entry(mine, 1, ", channel: webhook"),
		"challenges[0].address: the channel stream":         entry(mine, 1, ", address: 'http://x'"),
		"challenges[0].entity_sid: must be":                 entry(mine, 1, ", entity_sid: YE1"),
		"challenges[1]: " + sid(1) + " is listed twice":     entry(mine, 1, "") + entry(mine, 1, ""),
		"line 2":                                entry(mine, 1, ", limit: 4"),
		"challenges[0].identity: must be":       strings.Replace(entry(mine, 1, ""), identity, "short", 1),
		"challenges[0].expires: must be a time": entry(mine, 1, ", expires: soon"),
	} {
		write(t, path, text)
		_, err := challenges.OpenFile(path, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want the path and %q", err, want)
		}
	}
}

func TestAFileBeingWrittenIsNoDirectory(t *testing.T) {
	var clock atomic.Int64
	s, path := start(t, &clock, entry(mine, 1, ""))
	for _, text := range []string{"", "challenges:\n", "challenges: []\n---\nchallenges: []\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := create(t, s, service, identity, 1); code != 0 && code != server.CodeTooManyNotifications {
			t.Errorf("%q: code %d", text, code)
		}
	}
	if err := os.WriteFile(path, []byte("challenges: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := create(t, s, service, identity, 1); code != server.CodeNotFound {
		t.Errorf("an empty directory: code %d", code)
	}
}

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]challenges.Any{
		"stream": {Channel: "stream"}, "none": {Channel: "none"},
		"webhook=https://x.example/hook?a=b": {Channel: "webhook", Address: "https://x.example/hook?a=b"},
	} {
		if got, err := challenges.ParseDevice(text); err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "webhook", "webhook=nowhere", "stream=x", "pigeon", "apns"} {
		if got, err := challenges.ParseDevice(text); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestEntitySID(t *testing.T) {
	a := challenges.EntitySID(service, identity)
	if a != challenges.EntitySID(service, identity) || a == challenges.EntitySID(service, "user-0002") || a == challenges.EntitySID("VA2", identity) {
		t.Errorf("%s is not one per service and identity", a)
	}
}
