package channels_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/channels"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/webpush"
	"github.com/nudgehq/nudge/internal/pushpeers"
)

var device = strings.Repeat("0a", 32)

// bench is a directory with the peers' secrets.
type bench struct {
	dir  string
	apns *pushpeers.APNs
	fcm  *pushpeers.FCM
	push *pushpeers.PushService
	key  *webpush.Key
	log  bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir()}
	var err error
	if b.apns, err = pushpeers.NewAPNs(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.apns.Close)
	if b.fcm, err = pushpeers.NewFCM(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.fcm.Close)
	if b.push, err = pushpeers.NewPushService(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.push.Close)
	if b.key, err = webpush.NewKey(); err != nil {
		t.Fatal(err)
	}
	text, err := b.key.Text()
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, "apns.p8", string(b.apns.KeyFile))
	b.write(t, "apns.pem", string(b.apns.CA))
	b.write(t, "account.json", string(b.fcm.Account))
	b.write(t, "fcm.pem", string(b.fcm.CA))
	b.write(t, "vapid.key", text)
	b.write(t, "push.pem", string(b.push.CA))
	return b
}

func (b *bench) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (b *bench) ios(more string) string {
	return fmt.Sprintf("  ios: {kind: apns, endpoint: %s, ca_file: apns.pem, key_file: apns.p8, key_id: %s, team_id: %s, topic: %s%s}\n", b.apns.URL, b.apns.KeyID, b.apns.TeamID, b.apns.Topic, more)
}

func (b *bench) android() string {
	return fmt.Sprintf("  android: {kind: fcm, endpoint: %s, ca_file: fcm.pem, service_account_file: account.json}\n", b.fcm.URL)
}

func (b *bench) browser() string {
	return "  browser: {kind: webpush, ca_file: push.pem, key_file: vapid.key, subject: 'mailto:ops@example.com', allow_private: true}\n"
}

func (b *bench) open(t *testing.T, entries ...string) *channels.File {
	t.Helper()
	path := b.write(t, "channels.yaml", "channels:\n"+strings.Join(entries, ""))
	f, err := channels.Open(path, channels.Options{Logger: slog.New(slog.NewTextHandler(&b.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// await waits until the file is looked at again and something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func deliver(t *testing.T, f *channels.File, name, address string) delivery.Result {
	t.Helper()
	c := f.Find(name)
	if c == nil {
		t.Fatalf("there is no %s", name)
	}
	n := deliverytest.Notification(1)
	n.Created, n.Channel, n.Address = time.Now(), name, address
	return c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
}

func TestAllKinds(t *testing.T) {
	b := newBench(t)
	f := b.open(t, b.ios(""), b.android(), b.browser(), strings.Replace(b.ios(", title: 'Another app'"), "  ios:", "  ios-two:", 1))
	subscription, err := b.push.Subscribe(b.key.Public)
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"ios": device, "ios-two": device, "android": "registration-token", "browser": subscription} {
		if err := f.Check(name, address); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if result := deliver(t, f, name, address); !result.Delivered() {
			t.Errorf("%s: %s because %q", name, result, result.Reason())
		}
		if err := f.Check(name, "s3cr3t nonsense"); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: a wrong address: %v", name, err)
		}
	}
	if err := f.Check("pigeon", "x"); !errors.Is(err, channels.ErrUnknown) {
		t.Errorf("%v", err)
	}
	// Two channels with the same key share a provider token.
	if got := b.apns.Got(); len(got) != 2 || got[0].Header.Get("Authorization") != got[1].Header.Get("Authorization") {
		t.Errorf("%d requests, of different tokens", len(got))
	}
	if f.Find("pigeon") != nil {
		t.Error("there is a pigeon")
	}
}

func TestItIsReadAgain(t *testing.T) {
	b := newBench(t)
	f := b.open(t, b.ios(""))
	ios := f.Find("ios")
	if result := deliver(t, f, "ios", device); !result.Delivered() {
		t.Fatalf("%s because %q", result, result.Reason())
	}
	b.write(t, "channels.yaml", "channels:\n"+b.ios(", title: 'Another title'")+b.android())
	await(t, "the new channel is not there", func() bool { return f.Has("android") })
	if result := deliver(t, f, "android", "registration-token"); !result.Delivered() {
		t.Errorf("a new channel: %s because %q", result, result.Reason())
	}
	if result := deliver(t, f, "ios", device); !result.Delivered() {
		t.Errorf("%s because %q", result, result.Reason())
	}
	got := b.apns.Got()
	if !strings.Contains(string(got[1].Body), "Another title") {
		t.Errorf("the new words are not in %s", got[1].Body)
	}
	// A change of words is no reason for another provider token: Apple refuses those that change often.
	if got[0].Header.Get("Authorization") != got[1].Header.Get("Authorization") {
		t.Error("the provider token was minted again")
	}
	// What is not valid changes nothing.
	b.write(t, "channels.yaml", "channels: {ios: {kind: s3cr3t}}\n")
	await(t, "it is not read again", func() bool { return f.Has("ios") && strings.Contains(b.log.String(), "not valid") })
	if result := deliver(t, f, "ios", device); !result.Delivered() || !strings.Contains(b.log.String(), "channels.ios.kind: must be one of") || strings.Contains(b.log.String(), "s3cr3t") {
		t.Errorf("%s because %q; the log is %s", result, result.Reason(), b.log.String())
	}
	b.write(t, "channels.yaml", "channels:\n"+b.android())
	await(t, "the channel is still there", func() bool { return !f.Has("ios") })
	n := deliverytest.Notification(1)
	n.Address = device
	// It may come back.
	if result := ios.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}); result.String() != "again" {
		t.Errorf("a channel that was removed: %s because %q", result, result.Reason())
	}
}

// A secret that is replaced is used without a change of the channels' file; one that is not valid is not.
func TestSecretsAreReadAgain(t *testing.T) {
	b := newBench(t)
	f := b.open(t, b.browser())
	first, err := b.push.Subscribe(b.key.Public)
	if err != nil {
		t.Fatal(err)
	}
	if result := deliver(t, f, "browser", first); !result.Delivered() {
		t.Fatalf("%s because %q", result, result.Reason())
	}
	b.write(t, "vapid.key", "s3cr3t")
	await(t, "it is not read again", func() bool { return f.Has("browser") && strings.Contains(b.log.String(), "not valid") })
	for range 3 {
		if result := deliver(t, f, "browser", first); !result.Delivered() {
			t.Errorf("%s because %q", result, result.Reason())
		}
	}
	if log := b.log.String(); strings.Contains(log, "s3cr3t") || strings.Count(log, "file not valid") != 1 {
		t.Errorf("the log is %s", log)
	}
	key, err := webpush.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.Text()
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, "vapid.key", text)
	await(t, "the new key is not used", func() bool { return f.VAPIDKey("browser") == key.Public })
	second, err := b.push.Subscribe(key.Public)
	if err != nil {
		t.Fatal(err)
	}
	if result := deliver(t, f, "browser", second); !result.Delivered() {
		t.Errorf("with the new key: %s because %q", result, result.Reason())
	}
}

// A secret that comes after the file that names it is waited for, without a word for each look.
func TestASecretThatComesLater(t *testing.T) {
	b := newBench(t)
	f := b.open(t, b.browser())
	text, err := os.ReadFile(filepath.Join(b.dir, "vapid.key"))
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, "channels.yaml", "channels:\n"+b.browser()+strings.Replace(strings.Replace(b.browser(), "browser:", "second:", 1), "vapid.key", "later.key", 1))
	await(t, "it is not read again", func() bool {
		return f.Has("browser") && strings.Contains(b.log.String(), "channels.second.key_file: it is not there")
	})
	b.write(t, "later.key", string(text))
	await(t, "the second channel is not there", func() bool { return f.Has("second") })
	if n := strings.Count(b.log.String(), "not valid"); n != 1 {
		t.Errorf("said %d times: %s", n, b.log.String())
	}
}

func TestInvalidFiles(t *testing.T) {
	b := newBench(t)
	b.write(t, "nonsense", "s3cr3t")
	for _, test := range []struct{ text, want string }{
		{"", "it is empty"},
		{"channels: {}\n", "channels: must have 1 to"},
		{"channels:\n  ios: {kind: pigeon}\n", "channels.ios.kind: must be one of apns, fcm, webpush"},
		{"channels:\n  stream: {kind: apns}\n", "is no name"},
		{"channels:\n  Big: {kind: apns}\n", "is no name"},
		{"channels:\n" + b.ios(", subject: 'mailto:a@example.com'"), "channels.ios.subject: the kind apns has no such field; it has environment"},
		{"channels:\n" + b.ios(", environment: sandbox"), "channels.ios.endpoint: it and environment exclude"},
		{"channels:\n" + b.ios(", colour: s3cr3t"), "line 2"},
		{"channels:\n" + strings.Replace(b.ios(""), "endpoint: "+b.apns.URL+",", "", 1), "channels.ios.environment: must be sandbox"},
		{"channels:\n" + strings.Replace(b.ios(""), b.apns.URL, "s3cr3t", 1), "channels.ios.endpoint: it must be one of http"},
		{"channels:\n" + strings.Replace(b.ios(""), b.apns.URL, b.apns.URL+"/path", 1), "channels.ios.endpoint: it must be scheme, host and port"},
		{"channels:\n" + strings.Replace(b.ios(""), b.apns.URL, "http://apns.example.com", 1), "channels.ios.endpoint: it must be of https"},
		{"channels:\n" + strings.Replace(b.ios(""), b.apns.KeyID, "ABC", 1), "channels.ios.key_id: must be 10"},
		{"channels:\n" + strings.Replace(b.ios(""), b.apns.TeamID, "ABC", 1), "channels.ios.team_id: must be 10"},
		{"channels:\n" + strings.Replace(b.ios(""), b.apns.Topic, "a b", 1), "channels.ios.topic: "},
		{"channels:\n" + strings.Replace(b.ios(""), ", topic: "+b.apns.Topic, "", 1), "channels.ios.topic: is missing"},
		{"channels:\n" + strings.Replace(b.ios(""), "key_file: apns.p8", "key_file: nonsense", 1), "channels.ios.key_file: it must be a signing key"},
		{"channels:\n" + strings.Replace(b.ios(""), "key_file: apns.p8", "key_file: nowhere", 1), "channels.ios.key_file: "},
		{"channels:\n" + strings.Replace(b.ios(""), "key_file: apns.p8", "key_env: NUDGE_TEST_NONE", 1), "channels.ios.key_env: the variable"},
		{"channels:\n" + strings.Replace(b.ios(""), "key_file: apns.p8", "key_env: 's3cr3t+key'", 1), "channels.ios.key_env: must be the name"},
		{"channels:\n" + strings.Replace(b.ios(""), "key_file: apns.p8", "key_file: s3cr3t", 1), "channels.ios.key_file: it is not there"},
		{"channels:\n" + b.ios(", key_env: A"), "channels.ios.key_file: it and key_env exclude"},
		{"channels:\n" + strings.Replace(b.ios(""), "key_file: apns.p8, ", "", 1), "channels.ios.key_file: is missing"},
		{"channels:\n" + strings.Replace(b.ios(""), "apns.pem", "nonsense", 1), "channels.ios.ca_file: has no certificate"},
		{"channels:\n" + b.ios(", title: '{{.Nothing}}'"), "channels.ios.title: "},
		{"channels:\n" + strings.Replace(b.android(), "account.json", "nonsense", 1), "channels.android.service_account_file: it must be a service account"},
		{"channels:\n" + strings.Replace(b.browser(), "vapid.key", "nonsense", 1), "channels.browser.key_file: it must be a VAPID key"},
		{"channels:\n" + strings.Replace(b.browser(), "mailto:ops@example.com", "ops", 1), "channels.browser.subject: it must be a way"},
	} {
		path := b.write(t, "wrong.yaml", test.text)
		_, err := channels.Open(path, channels.Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want %q", test.text, err, test.want)
		}
	}
}

func TestSecretsOfTheEnvironment(t *testing.T) {
	b := newBench(t)
	text, err := b.key.Text()
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"APNS_KEY": string(b.apns.KeyFile), "FCM_ACCOUNT": string(b.fcm.Account), "VAPID": text}
	path := b.write(t, "channels.yaml", "channels:\n"+strings.Replace(b.ios(""), "key_file: apns.p8", "key_env: APNS_KEY", 1)+
		strings.Replace(b.android(), "service_account_file: account.json", "service_account_env: FCM_ACCOUNT", 1)+strings.Replace(b.browser(), "key_file: vapid.key", "key_env: VAPID", 1))
	f, err := channels.Open(path, channels.Options{Getenv: func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}})
	if err != nil {
		t.Fatal(err)
	}
	if names := f.Names(); len(names) != 3 || f.Kind("browser") != channels.KindWebPush {
		t.Errorf("%v", names)
	}
}
