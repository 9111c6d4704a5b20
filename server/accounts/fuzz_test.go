package accounts

import (
	"strings"
	"testing"
)

// FuzzAccounts reads arbitrary texts as a file and as a flag: nothing fails, and no error holds a token.
func FuzzAccounts(f *testing.F) {
	sid := "AC" + strings.Repeat("1", 32)
	for _, seed := range []string{
		"", "accounts:", "accounts: []", "accounts: [null]", "accounts:\n- sid: " + sid + "\n  tokens: [s3cret0token]\n",
		"accounts:\n- sid: " + sid + "\n  tokens: [\" s3cret0token\"]\n", "accounts:\n- sid: " + sid + "\n  tokens: [sha256:s3cret0token]\n",
		"accounts:\n- &a {sid: " + sid + ", tokens: [*b]}\n", "a: &x [*x]", sid + ":s3cret0token ", "---\n---\n", "accounts: !!binary aGk=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := parseFile([]byte(text))
		if err != nil && strings.Contains(err.Error(), "s3cret0token") {
			t.Errorf("the error holds the token: %v", err)
		}
		if _, ok := set.Authenticate(sid, ""); ok {
			t.Error("an empty token is let in")
		}
		if _, err := Parse(text); err != nil && strings.Contains(err.Error(), "s3cret0token") {
			t.Errorf("the error holds the token: %v", err)
		}
	})
}
