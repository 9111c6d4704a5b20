package webpush_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/webpush"
	"github.com/nudgehq/nudge/internal/pushpeers"
	"github.com/nudgehq/nudge/internal/pushpeers/pushtest"
)

func newPeer(t *testing.T) *pushpeers.PushService {
	t.Helper()
	peer, err := pushpeers.NewPushService()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	return peer
}

func newKey(t *testing.T) *webpush.Key {
	t.Helper()
	key, err := webpush.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newChannel(t *testing.T, peer *pushpeers.PushService, key *webpush.Key, now func() time.Time) *webpush.Channel {
	t.Helper()
	words, err := message.ParseTemplate("Sign in", "as {{.Identity}}")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(peer.CA)
	c, err := webpush.New(webpush.Config{
		Key: key, Subject: "mailto:ops@example.com", Template: words, Rules: outbound.Rules{AllowPrivate: true},
		TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func subscribe(t *testing.T, peer *pushpeers.PushService, key *webpush.Key) string {
	t.Helper()
	subscription, err := peer.Subscribe(key.Public)
	if err != nil {
		t.Fatal(err)
	}
	return subscription
}

func attempt(n delivery.Notification, address string) delivery.Attempt {
	n.Address = address
	return delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}
}

func TestProvider(t *testing.T) {
	deliverytest.TestProvider(t, func(t *testing.T, now func() time.Time) deliverytest.Provider {
		peer, key := newPeer(t), newKey(t)
		peer.Now = now
		replies := pushtest.Replies{
			deliverytest.Unavailable: pushpeers.With(503, ""),
			deliverytest.Busy:        pushpeers.With(429, "", "Retry-After", "7"),
			deliverytest.Unknown:     pushpeers.With(410, ""),
		}
		topics := map[string]string{}
		for i := range 40 {
			topics[topic(i)] = deliverytest.Notification(i).SID
		}
		return pushtest.FarEnd(t, peer.Peer, newChannel(t, peer, key, now), subscribe(t, peer, key), replies, func(r pushpeers.Request) deliverytest.Sent {
			seconds, err := strconv.Atoi(r.Header.Get("TTL"))
			if err != nil {
				t.Errorf("TTL: %q", r.Header.Get("TTL"))
			}
			return deliverytest.Sent{SID: topics[r.Header.Get("Topic")], TTL: time.Duration(seconds) * time.Second}
		})
	})
}

// topic is that of the i-th notification: its SID's digits, which are i+1, as 16 bytes in base64url.
func topic(i int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return strings.Repeat("A", 20) + string(alphabet[(i+1)>>2]) + string(alphabet[(i+1)&3<<4])
}

// The request, field by field, by RFC 8030 (sections 5 to 5.4), RFC 8291 (section 4) and RFC 8292 (sections 2 and 3).
func TestRequest(t *testing.T) {
	peer, key := newPeer(t), newKey(t)
	c := newChannel(t, peer, key, time.Now)
	n := deliverytest.Notification(26)
	n.TTL, n.FactorSID = 150*time.Second, "YF"+strings.Repeat("f", 32)
	subscription := subscribe(t, peer, key)
	var shown string
	peer.Observe(func(r pushpeers.Request) { shown = r.Text })
	if result := c.Deliver(t.Context(), attempt(n, subscription)); !result.Delivered() {
		t.Fatalf("%s because %q", result, result.Reason())
	}
	got := peer.Got()[0]
	var given struct{ Endpoint string }
	if err := json.Unmarshal([]byte(subscription), &given); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost || peer.URL+got.Path != given.Endpoint {
		t.Errorf("%s %s", got.Method, got.Path)
	}
	for name, want := range map[string]string{
		"TTL": "150", "Urgency": "high", "Topic": topic(26), "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if authorization := got.Header.Get("Authorization"); !strings.HasPrefix(authorization, "vapid t=") || !strings.HasSuffix(authorization, ", k="+key.Public) {
		t.Errorf("Authorization: %q", authorization)
	}
	if want := "Sign in — as device-0006 (" + n.SID + "), TTL 150"; shown != want {
		t.Errorf("the browser shows %q, want %q", shown, want)
	}
}

// The signed header is used as long as it is valid: signing costs more than encrypting.
func TestTheHeaderIsUsedAgain(t *testing.T) {
	peer, key := newPeer(t), newKey(t)
	now := time.Now()
	peer.Now = func() time.Time { return now }
	c := newChannel(t, peer, key, func() time.Time { return now })
	subscription := subscribe(t, peer, key)
	headers := map[string]int{}
	for range 49 {
		if result := c.Deliver(t.Context(), attempt(deliverytest.Notification(1), subscription)); !result.Delivered() {
			t.Fatalf("%s because %q", result, result.Reason())
		}
		got := peer.Got()
		headers[got[len(got)-1].Header.Get("Authorization")]++
		now = now.Add(30 * time.Minute)
	}
	if len(headers) != 3 {
		t.Errorf("%d headers in a day", len(headers))
	}
}

// A header that is refused is signed anew after a while, and meanwhile the alarm is told.
func TestARefusedHeaderIsSignedAnew(t *testing.T) {
	peer, key := newPeer(t), newKey(t)
	now := time.Now()
	c := newChannel(t, peer, key, func() time.Time { return now })
	subscription := subscribe(t, peer, key)
	peer.Script(pushpeers.With(403, ""))
	deliver := func() delivery.Result {
		return c.Deliver(t.Context(), attempt(deliverytest.Notification(1), subscription))
	}
	if result := deliver(); !result.CredentialsRefused() {
		t.Errorf("a new one: %s because %q", result, result.Reason())
	}
	now = now.Add(time.Hour)
	if result := deliver(); result.CredentialsRefused() || result.String() != "again" {
		t.Errorf("an old one: %s because %q", result, result.Reason())
	}
	if result := deliver(); !result.CredentialsRefused() {
		t.Errorf("the new one: %s because %q", result, result.Reason())
	}
	headers := map[string]bool{}
	for _, r := range peer.Got() {
		headers[r.Header.Get("Authorization")] = true
	}
	if len(headers) != 2 {
		t.Errorf("%d headers", len(headers))
	}
}

func TestAnswers(t *testing.T) {
	peer, key := newPeer(t), newKey(t)
	c := newChannel(t, peer, key, time.Now)
	subscription := subscribe(t, peer, key)
	for status, want := range map[int]struct {
		result       string
		dead, denied bool
	}{
		200: {result: "delivered"}, 201: {result: "delivered"}, 202: {result: "delivered"},
		404: {result: "gone", dead: true}, 410: {result: "gone", dead: true}, 413: {result: "gone"},
		401: {result: "again", denied: true}, 403: {result: "again", denied: true}, 400: {result: "again"}, 429: {result: "again"}, 500: {result: "again"}, 503: {result: "again"}, 302: {result: "again"},
	} {
		peer.Script(pushpeers.With(status, "s3cr3t"))
		peer.Forget()
		result := c.Deliver(t.Context(), attempt(deliverytest.Notification(1), subscription))
		if result.String() != want.result || result.AddressDead() != want.dead || result.CredentialsRefused() != want.denied || len(peer.Got()) != 1 || strings.Contains(result.Reason(), "s3cr3t") {
			t.Errorf("%d: %s because %q, dead %v, denied %v, %d requests", status, result, result.Reason(), result.AddressDead(), result.CredentialsRefused(), len(peer.Got()))
		}
	}
}

// A push service may keep a message for less than its TTL (RFC 8030, section 5.2): then it is sent again when that is over.
func TestAShorterTTLIsRespected(t *testing.T) {
	peer, key := newPeer(t), newKey(t)
	c := newChannel(t, peer, key, time.Now)
	subscription := subscribe(t, peer, key)
	for answered, want := range map[string]struct {
		result string
		after  time.Duration
	}{
		"300": {result: "delivered"}, "301": {result: "delivered"}, "": {result: "delivered"}, "soon": {result: "delivered"},
		"299": {result: "again", after: 299 * time.Second}, "60": {result: "again", after: time.Minute}, "0": {result: "again", after: 30 * time.Second},
	} {
		peer.Script(pushpeers.With(201, "", "TTL", answered))
		result := c.Deliver(t.Context(), attempt(deliverytest.Notification(1), subscription))
		if result.String() != want.result || result.After() != want.after {
			t.Errorf("TTL: %s: %s after %s", answered, result, result.After())
		}
	}
}

// Endpoints come from browsers: they may be anywhere, and what they lead to must not be dialled everywhere.
func TestEndpointsThatAreNotDialled(t *testing.T) {
	peer, key := newPeer(t), newKey(t)
	words, err := message.ParseTemplate("", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := webpush.New(webpush.Config{Key: key, Subject: "https://example.com/contact", Template: words})
	if err != nil {
		t.Fatal(err)
	}
	subscription := subscribe(t, peer, key)
	for _, address := range []string{
		subscription, strings.Replace(subscription, "127.0.0.1", "[::ffff:127.0.0.1]", 1), strings.Replace(subscription, "https:", "http:", 1),
		strings.Replace(subscription, "https://", "https://user@", 1), "", "{}", "null", `{"endpoint":"https://x.example/"}`,
		strings.Replace(subscription, `"auth":"`, `"auth":"AAAA`, 1), strings.Replace(subscription, `"p256dh":"B`, `"p256dh":"A`, 1),
	} {
		if err := c.CheckAddress(address); err == nil {
			t.Errorf("%s is taken", address)
		}
		if result := c.Deliver(t.Context(), attempt(deliverytest.Notification(1), address)); result.String() != "gone" {
			t.Errorf("%s: %s because %q", address, result, result.Reason())
		}
	}
	if len(peer.Got()) != 0 {
		t.Errorf("%d requests arrived", len(peer.Got()))
	}
	if err := newChannel(t, peer, key, time.Now).CheckAddress(subscription); err != nil {
		t.Errorf("where private addresses are allowed: %v", err)
	}
}

func TestKeys(t *testing.T) {
	key := newKey(t)
	text, err := key.Text()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := webpush.ParseKey([]byte(text + "\n")); err != nil || again.Public != key.Public {
		t.Errorf("%v, %v", again, err)
	}
	for _, text := range []string{"", "s3cr3t", strings.Repeat("A", 43), text + text, "-----BEGIN EC PRIVATE KEY-----\ns3cr3t\n-----END EC PRIVATE KEY-----\n"} {
		if _, err := webpush.ParseKey([]byte(text)); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for subject, good := range map[string]bool{"mailto:ops@example.com": true, "https://example.com": true, "": false, "ops@example.com": false, "mailto:": false, "http://example.com": false} {
		if err := webpush.CheckSubject(subject); (err == nil) != good {
			t.Errorf("%q: %v", subject, err)
		}
	}
}
