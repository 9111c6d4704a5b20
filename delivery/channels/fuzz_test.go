package channels_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/delivery/channels"
)

// FuzzChannels reads arbitrary texts as a file of channels: what is taken has channels that can be asked for, and an error holds no secret.
func FuzzChannels(f *testing.F) {
	f.Add("channels:\n  ios: {kind: apns, key_env: KEY, key_id: ABC123DEFG, team_id: DEF123GHIJ, topic: a.b, environment: sandbox}\n")
	f.Add("channels:\n  browser: {kind: webpush, key_env: KEY, subject: 'mailto:a@example.com', title: '{{.Identity}}'}\n")
	f.Add("channels:\n  a: {kind: fcm, service_account_file: /s3cr3t}\n")
	f.Add("channels: {}\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "channels.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := channels.Open(path, channels.Options{Getenv: func(string) (string, bool) { return "s3cr3t", true }})
		if err != nil {
			if strings.Contains(err.Error(), "s3cr3t") && !strings.Contains(text, "s3cr3t") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, name := range file.Names() {
			if file.Find(name) == nil || file.About(name) == "" || file.Check(name, "") == nil {
				t.Errorf("%q: %s", text, name)
			}
		}
	})
}
