package fcm_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/fcm"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/internal/pushpeers"
	"github.com/nudgehq/nudge/internal/pushpeers/pushtest"
)

const device = "cAe:APA91bH-registration_token"

func newPeer(t *testing.T) *pushpeers.FCM {
	t.Helper()
	peer, err := pushpeers.NewFCM()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	return peer
}

func newChannel(t *testing.T, peer *pushpeers.FCM, now func() time.Time) *fcm.Channel {
	t.Helper()
	account, err := fcm.ParseAccount(peer.Account)
	if err != nil {
		t.Fatal(err)
	}
	words, err := message.ParseTemplate("Sign in", "as {{.Identity}}")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(peer.CA)
	c, err := fcm.New(fcm.Config{Account: account, Endpoint: peer.URL, Template: words, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func attempt(n delivery.Notification) delivery.Attempt {
	n.Address = device
	return delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}
}

// sentMessage is what FCM got.
type sentMessage struct {
	Message struct {
		Token   string
		Data    map[string]string
		Android struct{ Priority, TTL string }
		APNS    struct {
			Headers map[string]string
			Payload json.RawMessage
		}
	}
}

func read(t *testing.T, r pushpeers.Request) (m sentMessage) {
	t.Helper()
	if err := json.Unmarshal(r.Body, &m); err != nil {
		t.Errorf("%v: %s", err, r.Body)
	}
	return m
}

func TestProvider(t *testing.T) {
	deliverytest.TestProvider(t, func(t *testing.T, now func() time.Time) deliverytest.Provider {
		peer := newPeer(t)
		replies := pushtest.Replies{
			deliverytest.Unavailable: pushpeers.With(503, pushpeers.Refusal(503, "UNAVAILABLE", "UNAVAILABLE")),
			deliverytest.Busy:        pushpeers.With(429, pushpeers.Refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), "Retry-After", "7"),
			deliverytest.Unknown:     pushpeers.With(404, pushpeers.Refusal(404, "NOT_FOUND", "UNREGISTERED")),
			deliverytest.Garbage:     pushpeers.With(200, "<html>Welcome to the hotel</html>"),
		}
		return pushtest.FarEnd(t, peer.Peer, newChannel(t, peer, now), device, replies, func(r pushpeers.Request) deliverytest.Sent {
			m := read(t, r).Message
			seconds, err := strconv.Atoi(strings.TrimSuffix(m.Android.TTL, "s"))
			if err != nil {
				t.Errorf("android.ttl: %q", m.Android.TTL)
			}
			return deliverytest.Sent{SID: m.Data["sid"], TTL: time.Duration(seconds) * time.Second}
		})
	})
}

// The request, field by field, by https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages: Message, AndroidConfig and
// ApnsConfig.
func TestRequest(t *testing.T) {
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	n := deliverytest.Notification(26)
	n.TTL, n.FactorSID = 150*time.Second, "YF"+strings.Repeat("f", 32)
	if result := c.Deliver(t.Context(), attempt(n)); !result.Delivered() {
		t.Fatalf("%s because %q", result, result.Reason())
	}
	got := peer.Got()[0]
	if got.Method != http.MethodPost || got.Path != "/v1/projects/example-app/messages:send" || got.Header.Get("Authorization") != "Bearer ya29.1" ||
		got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v", got.Method, got.Path, got.Header)
	}
	expires, err := strconv.ParseInt(read(t, got).Message.APNS.Headers["apns-expiration"], 10, 64)
	if left := time.Until(time.Unix(expires, 0)); err != nil || left < 140*time.Second || left > 150*time.Second {
		t.Errorf("apns-expiration: in %s, %v", left, err)
	}
	keys := `"type":"verify_push_challenge","sid":"` + n.SID + `","challenge_sid":"` + n.ChallengeSID + `","factor_sid":"` + n.FactorSID + `"`
	want := `{"message":{"token":"` + device + `","data":{"body":"as device-0006","challenge_sid":"` + n.ChallengeSID + `","factor_sid":"` + n.FactorSID +
		`","sid":"` + n.SID + `","title":"Sign in","type":"verify_push_challenge"},"android":{"priority":"HIGH","ttl":"150s"},` +
		`"apns":{"headers":{"apns-collapse-id":"` + n.SID + `","apns-expiration":"` + strconv.FormatInt(expires, 10) + `","apns-priority":"10","apns-push-type":"alert"},` +
		`"payload":{"aps":{"alert":{"title":"Sign in","body":"as device-0006"},"sound":"default"},` + keys + `}},"webpush":{"headers":{"TTL":"150","Urgency":"high"}}}}`
	if string(got.Body) != want {
		t.Errorf("the body is\n%s, want\n%s", got.Body, want)
	}
}

// By https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode and .../docs/cloud-messaging/error-codes.
func TestAnswers(t *testing.T) {
	peer := newPeer(t)
	badToken := `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"s3cr3t","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",` +
		`"errorCode":"INVALID_ARGUMENT"},{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"message.token","description":"s3cr3t"}]}]}}`
	for name, want := range map[string]struct {
		status       int
		body, result string
		dead, denied bool
	}{
		"taken":            {status: 200, body: `{"name":"projects/example-app/messages/0:1"}`, result: "delivered"},
		"not FCM":          {status: 200, body: "", result: "again"},
		"unregistered":     {status: 404, body: pushpeers.Refusal(404, "NOT_FOUND", "UNREGISTERED"), result: "gone", dead: true},
		"another sender's": {status: 403, body: pushpeers.Refusal(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), result: "gone", dead: true},
		"a bad token":      {status: 400, body: badToken, result: "gone", dead: true},
		"a bad token in words": {status: 400, result: "gone", dead: true,
			body: `{"error":{"status":"INVALID_ARGUMENT","message":"The registration token is not a valid FCM registration token"}}`},
		"a bad message":     {status: 400, body: pushpeers.Refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), result: "gone"},
		"no right":          {status: 403, body: pushpeers.Refusal(403, "PERMISSION_DENIED", ""), result: "again", denied: true},
		"no project":        {status: 404, body: pushpeers.Refusal(404, "NOT_FOUND", ""), result: "again", denied: true},
		"no key of Apple's": {status: 401, body: pushpeers.Refusal(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), result: "again", denied: true},
		"quota":             {status: 429, body: pushpeers.Refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), result: "again"},
		"inside":            {status: 500, body: pushpeers.Refusal(500, "INTERNAL", "INTERNAL"), result: "again"},
		"unavailable":       {status: 503, body: pushpeers.Refusal(503, "UNAVAILABLE", "UNAVAILABLE"), result: "again"},
		"a hotel":           {status: 302, body: "<html>", result: "again"},
		"a hotel's 404":     {status: 404, body: "<html>", result: "again"},
	} {
		peer.Script(pushpeers.With(want.status, want.body))
		peer.Forget()
		result := newChannel(t, peer, time.Now).Deliver(t.Context(), attempt(deliverytest.Notification(1)))
		if result.String() != want.result || result.AddressDead() != want.dead || result.CredentialsRefused() != want.denied || len(peer.Got()) != 1 ||
			strings.Contains(result.Reason(), "s3cr3t") {
			t.Errorf("%s: %s because %q, dead %v, denied %v, %d requests", name, result, result.Reason(), result.AddressDead(), result.CredentialsRefused(), len(peer.Got()))
		}
	}
}

// What FCM says of a quota without a time is to be tried again after a minute.
func TestQuotaWithoutATime(t *testing.T) {
	peer := newPeer(t)
	clock := delivery.NewManualClock(deliverytest.Start)
	peer.Script(pushpeers.With(429, pushpeers.Refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")), pushpeers.Provider)
	result := newChannel(t, peer, clock.Now).Deliver(t.Context(), attempt(deliverytest.Notification(1)))
	if result.String() != "again" || result.After() != time.Minute {
		t.Errorf("%s after %s", result, result.After())
	}
}

func TestOneAccessTokenForAll(t *testing.T) {
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if result := c.Deliver(t.Context(), attempt(deliverytest.Notification(1))); !result.Delivered() {
				t.Errorf("%s because %q", result, result.Reason())
			}
		})
	}
	group.Wait()
	if peer.Tokens() != 1 || len(peer.Got()) != 50 {
		t.Errorf("%d tokens for %d requests", peer.Tokens(), len(peer.Got()))
	}
}

func TestARefusedAccessTokenIsReplacedOnce(t *testing.T) {
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	refuse := pushpeers.With(401, pushpeers.Refusal(401, "UNAUTHENTICATED", ""))
	peer.Script(refuse)
	var denied []bool
	for range 4 {
		result := c.Deliver(t.Context(), attempt(deliverytest.Notification(1)))
		if result.String() != "again" {
			t.Errorf("%s because %q", result, result.Reason())
		}
		denied = append(denied, result.CredentialsRefused())
	}
	if denied[0] || !denied[1] || !denied[3] || peer.Tokens() != 2 {
		t.Errorf("denied %v, %d tokens", denied, peer.Tokens())
	}
}

// The endpoint of tokens is another server: what it does is said of it, and no message is sent without a token.
func TestEndpointOfTokens(t *testing.T) {
	for status, denied := range map[int64]bool{400: true, 401: true, 403: true, 429: false, 500: false, 503: false} {
		peer := newPeer(t)
		peer.TokenStatus.Store(status)
		result := newChannel(t, peer, time.Now).Deliver(t.Context(), attempt(deliverytest.Notification(1)))
		want := "the token endpoint answered " + strconv.Itoa(int(status))
		if result.String() != "again" || result.CredentialsRefused() != denied || result.Reason() != want || len(peer.Got()) != 0 {
			t.Errorf("%d: %s because %q, denied %v", status, result, result.Reason(), result.CredentialsRefused())
		}
	}
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	peer.Close()
	// A listener that closes resets what was on its way to it, and one that is closed refuses.
	if result := c.Deliver(t.Context(), attempt(deliverytest.Notification(1))); result.String() != "again" || !strings.HasPrefix(result.Reason(), "the token endpoint: dial: connect: connection re") {
		t.Errorf("%s because %q", result, result.Reason())
	}
}

func TestAddresses(t *testing.T) {
	peer := newPeer(t)
	c := newChannel(t, peer, time.Now)
	for _, address := range []string{"", "short", "with space in it", strings.Repeat("a", 4097), `quote"in-it`} {
		n := deliverytest.Notification(1)
		n.Address = address
		if result := c.Deliver(t.Context(), delivery.Attempt{Notification: n}); result.String() != "gone" || len(peer.Got()) != 0 {
			t.Errorf("%.20q: %s", address, result)
		}
	}
}

func TestAccounts(t *testing.T) {
	good := string(newPeer(t).Account)
	for _, text := range []string{
		"", "s3cr3t", `{"type":"service_account"}`, `{"type":"authorized_user","private_key":"s3cr3t"}`,
		strings.Replace(good, `"project_id": "example-app"`, `"project_id": "../s3cr3t"`, 1), strings.Replace(good, "BEGIN PRIVATE KEY", "BEGIN s3cr3t", 1),
	} {
		if _, err := fcm.ParseAccount([]byte(text)); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}
