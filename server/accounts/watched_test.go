package accounts_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/server/accounts"
)

func TestWatched(t *testing.T) {
	other := "AC" + strings.Repeat("3", 32)
	file := func(sid, token string) []byte {
		return []byte("accounts:\n  - {sid: " + sid + ", tokens: [" + token + "], keys: [{sid: " + key + ", secret: s3cret}]}\n")
	}
	entries, err := accounts.Split(file(account, "t0ken"))
	if err != nil || len(entries) != 1 || strings.Contains(string(entries[account]), "t0ken") || strings.Contains(string(entries[account]), "s3cret") {
		t.Fatalf("%s, %v", entries[account], err)
	}
	joined, err := accounts.Join([][]byte{entries[account]})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := accounts.Split(joined); err != nil || string(again[account]) != string(entries[account]) {
		t.Errorf("%s, %v", again[account], err)
	}
	var directory accounts.Watched
	lets := func(username, password, want string) {
		t.Helper()
		if got, ok := directory.Authenticate(username, password); got != want || ok != (want != "") {
			t.Errorf("%s is %q, want %q", username, got, want)
		}
	}
	lets(account, "t0ken", "")
	if err := directory.Set(account, entries[account]); err != nil {
		t.Fatal(err)
	}
	lets(account, "t0ken", account)
	lets(key, "s3cret", account)
	lets(key, "t0ken", "")
	if err := directory.Set(other, file(other, "another")); !errors.Is(err, accounts.ErrShared) {
		t.Errorf("a key belongs to two accounts: %v", err)
	}
	lets(other, "another", other)
	lets(key, "s3cret", account)
	// Whoever was told first, the first by its SID has it; and what is given up is the other's.
	var late accounts.Watched
	_ = late.Set(other, file(other, "another"))
	if sid, _ := late.Authenticate(key, "s3cret"); sid != other {
		t.Errorf("the only one that has the key is %q", sid)
	}
	_ = late.Set(account, entries[account])
	if sid, _ := late.Authenticate(key, "s3cret"); sid != account {
		t.Errorf("of two accounts the key is %q's", sid)
	}
	_ = late.Set(account, nil)
	if sid, _ := late.Authenticate(key, "s3cret"); sid != other {
		t.Errorf("after the first is gone the key is %q's", sid)
	}
	if err := directory.Set(other, nil); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"accounts: []", string(file(other, "t0ken")), "accounts: [{sid: " + account + "}]"} {
		if directory.Set(account, []byte(wrong)) == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
	lets(account, "t0ken", account)
	if err := directory.Set(account, file(account, "n3w")); err != nil {
		t.Fatal(err)
	}
	lets(account, "t0ken", "")
	lets(account, "n3w", account)
	if err := directory.Set(account, nil); err != nil || directory.Len() != 0 {
		t.Errorf("%v, %d", err, directory.Len())
	}
	lets(key, "s3cret", "")
}
