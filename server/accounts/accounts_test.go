package accounts_test

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/server/accounts"
)

var (
	account = "AC" + strings.Repeat("1", 32)
	key     = "SK" + strings.Repeat("2", 32)
)

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestParse(t *testing.T) {
	set, err := accounts.Parse(account+":first", account+":"+hashOf("second"))
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"first": true, "second": true, "third": false, "": false, hashOf("second"): false} {
		sid, ok := set.Authenticate(account, password)
		if ok != want || ok && sid != account {
			t.Errorf("%q: %q %v, want %v", password, sid, ok, want)
		}
	}
	for name, text := range map[string]string{
		"no colon": account, "key without an account": key + ":secret", "short SID": "AC1:secret",
		"empty token": account + ":", "half a hash": account + ":sha256:secret00",
	} {
		if _, err := accounts.Parse(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want an error that does not repeat the token", name, err)
		}
	}
	if _, ok := (accounts.Set{}).Authenticate("", ""); ok {
		t.Error("the empty set let somebody in")
	}
}

func TestAny(t *testing.T) {
	first, _ := accounts.Parse(account + ":first")
	who := accounts.Any{first, accounts.Development()}
	for username, password := range map[string]string{account: "first", accounts.DevelopmentSID: accounts.DevelopmentToken} {
		if sid, ok := who.Authenticate(username, password); !ok || sid != username {
			t.Errorf("%s: %s %v", username, sid, ok)
		}
	}
	if _, ok := who.Authenticate(account, accounts.DevelopmentToken); ok {
		t.Error("one account's token let another in")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.yaml")
	write(t, path, "accounts:\n- sid: "+account+"\n  tokens: [one]\n  keys:\n  - {sid: "+key+", secret: '"+hashOf("keysecret")+"'}\n")
	var log strings.Builder
	file, err := accounts.OpenFile(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	expect := func(username, password string, want bool) {
		t.Helper()
		if sid, ok := file.Authenticate(username, password); ok != want || ok && sid != account {
			t.Errorf("%s %s: %q %v, want %v", username, password, sid, ok, want)
		}
	}
	expect(account, "one", true)
	expect(key, "keysecret", true)
	// The same size, at once: no clock tick lies between the two versions.
	write(t, path, "accounts:\n- sid: "+account+"\n  tokens: [two]\n  keys:\n  - {sid: "+key+", secret: '"+hashOf("keysecreT")+"'}\n")
	expect(account, "one", false)
	expect(account, "two", true)
	write(t, path, "accounts:\n- sid: "+account+"\n  tokens: [thr")
	expect(account, "two", true)
	expect(account, "two", true)
	if n := strings.Count(log.String(), "not valid"); n != 1 || !strings.Contains(log.String(), path) {
		t.Errorf("the invalid version was logged %d times: %s", n, log.String())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect(account, "two", true)
	write(t, path, "accounts:\n- sid: "+account+"\n  tokens: [four]\n")
	expect(account, "four", true)
	expect(key, "keysecreT", false)
	// A version whose time and size tell no change, because it was written within one tick of the clock.
	tick := time.Now()
	for _, token := range []string{"five", "nine"} {
		write(t, path, "accounts:\n- sid: "+account+"\n  tokens: ["+token+"]\n")
		if err := os.Chtimes(path, tick, tick); err != nil {
			t.Fatal(err)
		}
		expect(account, token, true)
	}
}

// A file that cannot be read is tried again: mending its permissions does not change its time.
func TestUnreadableVersionIsTriedAgain(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root reads everything: a directory stands in for the unreadable file")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "accounts.yaml")
	write(t, path, "accounts:\n- sid: "+account+"\n  tokens: [one]\n")
	file, err := accounts.OpenFile(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, ok := file.Authenticate(account, "one"); !ok {
		t.Error("the last good version is not in force")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "accounts:\n- sid: "+account+"\n  tokens: [two]\n")
	if _, ok := file.Authenticate(account, "two"); !ok {
		t.Error("the file is readable again and was not read")
	}
}

func TestInvalidFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.yaml")
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {text: "", want: "empty"},
		"no accounts":    {text: "accounts: []", want: "accounts: must list"},
		"unknown field":  {text: "accounts:\n- sid: " + account + "\n  token: s3cret", want: "line 3"},
		"wrong type":     {text: "accounts:\n- sid: " + account + "\n  tokens: s3cret", want: "line 3"},
		"anchor":         {text: "accounts:\n- sid: " + account + "\n  tokens: [*s3cret]", want: "anchor"},
		"repeated key":   {text: "accounts:\n- {sid: " + account + ", s3cret: 1, s3cret: 2}", want: "line 2"},
		"misplaced":      {text: "s3cret: 1", want: "line 1"},
		"two documents":  {text: "accounts: []\n---\naccounts: []", want: "more than one"},
		"bad SID":        {text: "accounts:\n- sid: AC1\n  tokens: [s3cret]", want: "accounts[0].sid"},
		"no tokens":      {text: "accounts:\n- sid: " + account, want: "accounts[0]"},
		"empty token":    {text: "accounts:\n- {sid: " + account + ", tokens: ['']}", want: "accounts[0].tokens[0]"},
		"bad hash":       {text: "accounts:\n- {sid: " + account + ", tokens: ['sha256:s3cret']}", want: "accounts[0].tokens[0]"},
		"bad key":        {text: "accounts:\n- {sid: " + account + ", keys: [{sid: SK1, secret: s3cret}]}", want: "accounts[0].keys[0].sid"},
		"shared key SID": {text: "accounts:\n- {sid: " + account + ", keys: [{sid: " + key + ", secret: s3cret}]}\n- {sid: " + accounts.DevelopmentSID + ", keys: [{sid: " + key + ", secret: s3cret}]}", want: "two accounts"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, path, c.text)
			_, err := accounts.OpenFile(path, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want the path and %q, and no token", err, c.want)
			}
		})
	}
	if _, err := accounts.OpenFile(filepath.Join(t.TempDir(), "none.yaml"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a missing file was opened")
	}
}
