package apns_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/apns"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/internal/pushpeers"
	"github.com/nudgehq/nudge/internal/pushpeers/pushtest"
)

var device = strings.Repeat("0a", 32)

func newPeer(t *testing.T) *pushpeers.APNs {
	t.Helper()
	peer, err := pushpeers.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	return peer
}

func trust(t *testing.T, ca []byte) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func newChannel(t *testing.T, peer *pushpeers.APNs, now func() time.Time) *apns.Channel {
	t.Helper()
	key, err := apns.ParseKey(peer.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return newChannelWith(t, peer, now, key, "Sign in as {{.Identity}}")
}

func newChannelWith(t *testing.T, peer *pushpeers.APNs, now func() time.Time, key *ecdsa.PrivateKey, title string) *apns.Channel {
	t.Helper()
	signer, err := apns.NewSigner(key, peer.KeyID, peer.TeamID)
	if err != nil {
		t.Fatal(err)
	}
	words, err := message.ParseTemplate(title, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := apns.New(apns.Config{Signer: signer, Topic: peer.Topic, Endpoint: peer.URL, Template: words, TLS: trust(t, peer.CA), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// told reads what APNs was told of how long to keep it, by a clock.
func told(t *testing.T, r pushpeers.Request, now time.Time) time.Duration {
	t.Helper()
	at, err := strconv.ParseInt(r.Header.Get("apns-expiration"), 10, 64)
	if err != nil {
		t.Errorf("apns-expiration: %v", err)
	}
	if at == 0 {
		return 0
	}
	return time.Unix(at, 0).Sub(now)
}

func TestProvider(t *testing.T) {
	deliverytest.TestProvider(t, func(t *testing.T, now func() time.Time) deliverytest.Provider {
		peer := newPeer(t)
		peer.Now = now
		replies := pushtest.Replies{
			deliverytest.Unavailable: pushpeers.With(503, `{"reason":"ServiceUnavailable"}`),
			deliverytest.Busy:        pushpeers.With(429, `{"reason":"TooManyRequests"}`, "Retry-After", "7"),
			deliverytest.Unknown:     pushpeers.With(410, `{"reason":"Unregistered","timestamp":1700000000000}`),
			deliverytest.Garbage:     pushpeers.With(200, "<html>Welcome to the hotel</html>"),
		}
		return pushtest.FarEnd(t, peer.Peer, newChannel(t, peer, now), device, replies, func(r pushpeers.Request) deliverytest.Sent {
			var body struct{ SID string }
			_ = json.Unmarshal(r.Body, &body)
			return deliverytest.Sent{SID: body.SID, TTL: told(t, r, now())}
		})
	})
}

// The request, field by field, by "Sending notification requests to APNs"
// (https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns) and "Generating a remote
// notification" (https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification).
func TestRequest(t *testing.T) {
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	n := deliverytest.Notification(26)
	n.Created, n.TTL, n.Address = time.Now(), 150*time.Second, strings.ToUpper(device)
	n.FactorSID = "YF" + strings.Repeat("f", 32)
	if result := c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}); !result.Delivered() {
		t.Fatalf("%s because %q", result, result.Reason())
	}
	got := peer.Got()[0]
	if got.Method != http.MethodPost || got.Path != "/3/device/"+device || got.Proto != "HTTP/2.0" {
		t.Errorf("%s %s %s", got.Method, got.Path, got.Proto)
	}
	for name, want := range map[string]string{
		// A canonical UUID, 8-4-4-4-12, of the SID's digits.
		"apns-id": "00000000-0000-0000-0000-00000000001b", "apns-push-type": "alert", "apns-priority": "10",
		"apns-topic": peer.Topic, "apns-collapse-id": n.SID,
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if left := told(t, got, time.Now()); left < 140*time.Second || left > 150*time.Second {
		t.Errorf("apns-expiration: in %s", left)
	}
	want := `{"aps":{"alert":{"title":"Sign in as device-0006","body":"Open the app to approve or deny."},"sound":"default"},` +
		`"type":"verify_push_challenge","sid":"` + n.SID + `","challenge_sid":"` + n.ChallengeSID + `","factor_sid":"` + n.FactorSID + `"}`
	if string(got.Body) != want {
		t.Errorf("the payload is\n%s, want\n%s", got.Body, want)
	}
}

// Libraries leave a 0 out, and without the header APNs keeps a notification for up to 30 days.
func TestExpirationOfZeroIsSent(t *testing.T) {
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	n := deliverytest.Notification(1)
	n.TTL, n.Address = 0, device
	if result := c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1}); !result.Delivered() {
		t.Fatalf("%s because %q", result, result.Reason())
	}
	if values := peer.Got()[0].Header.Values("apns-expiration"); len(values) != 1 || values[0] != "0" {
		t.Errorf("apns-expiration: %q", values)
	}
}

// By "Handling notification responses from APNs"
// (https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns).
func TestAnswers(t *testing.T) {
	peer := newPeer(t)
	for answer, want := range map[string]struct {
		status       int
		result       string
		dead, denied bool
	}{
		"":                            {status: 200, result: "delivered"},
		"BadDeviceToken":              {status: 400, result: "gone", dead: true},
		"DeviceTokenNotForTopic":      {status: 400, result: "gone", dead: true},
		"Unregistered":                {status: 410, result: "gone", dead: true},
		"ExpiredToken":                {status: 410, result: "gone", dead: true},
		"BadTopic":                    {status: 400, result: "again", denied: true},
		"TopicDisallowed":             {status: 400, result: "again", denied: true},
		"BadPath":                     {status: 404, result: "again", denied: true},
		"BadPriority":                 {status: 400, result: "gone"},
		"PayloadTooLarge":             {status: 413, result: "gone"},
		"IdleTimeout":                 {status: 400, result: "again"},
		"TooManyRequests":             {status: 429, result: "again"},
		"TooManyProviderTokenUpdates": {status: 429, result: "again"},
		"InternalServerError":         {status: 500, result: "again"},
		"ServiceUnavailable":          {status: 503, result: "again"},
		"Shutdown":                    {status: 503, result: "again"},
		"the s3cr3t of somebody":      {status: 400, result: "again"},
	} {
		body := ""
		if answer != "" {
			body = `{"reason":"` + answer + `"}`
		}
		peer.Script(pushpeers.With(want.status, body))
		n := deliverytest.Notification(1)
		n.Address = device
		result := newChannel(t, peer, time.Now).Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
		if result.String() != want.result || result.AddressDead() != want.dead || result.CredentialsRefused() != want.denied || strings.Contains(result.Reason(), "s3cr3t") {
			t.Errorf("%d %s: %s because %q, dead %v, denied %v", want.status, answer, result, result.Reason(), result.AddressDead(), result.CredentialsRefused())
		}
	}
	for _, address := range []string{"", "0a", strings.Repeat("0", 65), strings.Repeat("x", 64), device + "/../x"} {
		n := deliverytest.Notification(1)
		n.Address = address
		peer.Forget()
		if result := newChannel(t, peer, time.Now).Deliver(t.Context(), delivery.Attempt{Notification: n}); result.String() != "gone" || result.AddressDead() || len(peer.Got()) != 0 {
			t.Errorf("%q: %s", address, result)
		}
	}
}

// Apple asks for a token that is not changed more than once in 20 minutes, and takes it for an hour.
func TestOneTokenForAll(t *testing.T) {
	peer := newPeer(t)
	now := time.Now().Add(-3 * time.Hour)
	var mu sync.Mutex
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	peer.Script(pushpeers.With(200, ""))
	c := newChannel(t, peer, clock)
	deliver := func() delivery.Result {
		n := deliverytest.Notification(1)
		n.Address = device
		return c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
	}
	minted := map[string]time.Time{}
	for range 180 {
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() { deliver() })
		}
		group.Wait()
		for _, r := range peer.Got() {
			text := r.Header.Get("Authorization")
			if _, known := minted[text]; !known {
				minted[text] = clock()
			}
			if clock().Sub(minted[text]) > time.Hour {
				t.Fatal("a token is used for more than an hour")
			}
		}
		peer.Forget()
		mu.Lock()
		now = now.Add(time.Minute)
		mu.Unlock()
	}
	if len(minted) < 3 || len(minted) > 9 {
		t.Errorf("%d tokens in three hours", len(minted))
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	peer := newPeer(t)
	now := time.Now()
	peer.Script(pushpeers.With(403, `{"reason":"ExpiredProviderToken"}`))
	c := newChannel(t, peer, func() time.Time { return now })
	deliver := func() (result delivery.Result, token string) {
		n := deliverytest.Notification(1)
		n.Address = device
		result = c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
		got := peer.Got()
		return result, got[len(got)-1].Header.Get("Authorization")
	}
	result, first := deliver()
	if result.String() != "again" || result.CredentialsRefused() {
		t.Errorf("the first: %s because %q", result, result.Reason())
	}
	tokens := map[string]bool{}
	for range 5 {
		result, token := deliver()
		if result.String() != "again" || !result.CredentialsRefused() || result.AddressDead() {
			t.Errorf("then: %s because %q", result, result.Reason())
		}
		tokens[token] = true
	}
	if len(tokens) != 1 || tokens[first] {
		t.Errorf("%d tokens after the first", len(tokens))
	}
	now = now.Add(21 * time.Minute)
	if result, _ := deliver(); result.CredentialsRefused() {
		t.Error("after 20 minutes it is not tried with a new token")
	}
	peer.Script()
	if result, _ := deliver(); !result.Delivered() {
		t.Errorf("mended: %s because %q", result, result.Reason())
	}
}

// Go's transport repeats a request by itself when a server of HTTP/2 has not dealt with it; an attempt is one request.
func TestConnectionsThatEnd(t *testing.T) {
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	n := deliverytest.Notification(1)
	n.Address = device
	attempt := delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}
	if result := c.Deliver(t.Context(), attempt); !result.Delivered() {
		t.Fatal(result.Reason())
	}
	peer.Close()
	result := c.Deliver(t.Context(), attempt)
	if result.String() != "again" || len(peer.Got()) != 1 || strings.Contains(result.Reason(), "127.0.0.1") {
		t.Errorf("%s because %q, %d requests", result, result.Reason(), len(peer.Got()))
	}
}

func TestKeys(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "s3cr3t", "-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))} {
		if _, err := apns.ParseKey([]byte(text)); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := apns.NewSigner(other, "ABC123DEFG", "DEF123GHIJ"); err == nil {
		t.Error("a key of another curve signs")
	}
	good, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, ids := range [][2]string{{"", "DEF123GHIJ"}, {"ABC123DEFG", ""}, {"abc123defg", "DEF123GHIJ"}, {"ABC123DEFG", "DEF123GHIJK"}} {
		if _, err := apns.NewSigner(good, ids[0], ids[1]); err == nil {
			t.Errorf("%v is taken", ids)
		}
	}
}

// A key that Apple does not know is no dead device.
func TestAnotherKeyIsDenied(t *testing.T) {
	peer := newPeer(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := newChannelWith(t, peer, time.Now, key, "")
	n := deliverytest.Notification(1)
	n.Address = device
	attempt := delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}
	c.Deliver(t.Context(), attempt)
	if result := c.Deliver(t.Context(), attempt); !result.CredentialsRefused() || result.Reason() != "APNs answered 403 InvalidProviderToken" {
		t.Errorf("%s because %q", result, result.Reason())
	}
}
