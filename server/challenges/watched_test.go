package challenges_test

import (
	"strings"
	"testing"

	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/challenges"
)

func TestWatched(t *testing.T) {
	text := "challenges:\n" + entry(mine, 1, ", status: denied") + entry(theirs, 1, "") + entry(mine, 2, ", channel: none")
	entries, err := challenges.Split([]byte(text))
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	var directory challenges.Watched
	find := func(account string, n int) (server.Challenge, error) {
		return directory.Find(t.Context(), server.ChallengeKey{AccountSID: account, ServiceSID: service, Identity: identity, ChallengeSID: sid(n)})
	}
	if _, err := find(mine, 1); err == nil {
		t.Error("it is not empty at first")
	}
	var list [][]byte
	for key, one := range entries {
		if err := directory.Set(key, one); err != nil {
			t.Error(err)
		}
		list = append(list, one)
		if !challenges.IsKeyOf(key, sid(1)) && !challenges.IsKeyOf(key, sid(2)) {
			t.Errorf("%s is of no challenge", key)
		}
	}
	if c, err := find(mine, 1); err != nil || c.Status != server.StatusDenied || c.NotificationLimit != challenges.NotificationLimit || directory.Len() != 3 {
		t.Errorf("%+v, %v, %d", c, err, directory.Len())
	}
	joined, err := challenges.Join(list)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := challenges.Split(joined); err != nil || len(again) != 3 {
		t.Errorf("%s is split into %d, %v", joined, len(again), err)
	}
	if none, err := challenges.Join(nil); err != nil || string(none) != "challenges: []\n" {
		t.Errorf("%s, %v", none, err)
	}
	for key, one := range entries {
		for _, wrong := range []string{"{}", "challenges: []", string(joined), strings.Replace(string(one), service, "XX"+service[2:], 1)} {
			if directory.Set(key, []byte(wrong)) == nil {
				t.Errorf("%.60s is taken", wrong)
			}
		}
		if directory.Set(key+"0", one) == nil {
			t.Error("a challenge is taken for another key")
		}
		if directory.Len() != 3 {
			t.Error("what is not valid has changed something")
		}
		if err := directory.Set(key, nil); err != nil {
			t.Error(err)
		}
		break
	}
	if directory.Len() != 2 {
		t.Errorf("one was removed of 3, and %d are left", directory.Len())
	}
	if _, err := challenges.Split([]byte("challenges:\n" + entry(mine, 1, "") + entry(mine, 1, ""))); err == nil {
		t.Error("one that is listed twice is split")
	}
}
