package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/nudgehq/nudge/server/delivery"
	"github.com/nudgehq/nudge/server/delivery/deliverytest"
	"github.com/nudgehq/nudge/server/delivery/memstore"
	"github.com/nudgehq/nudge/server/delivery/webhook"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver answers what the test writes, in order; the last answer repeats.
type receiver struct {
	mu       sync.Mutex
	url      string
	answers  []func(w http.ResponseWriter)
	headers  []http.Header
	bodies   [][]byte
	verified int
}

func status(code int, header ...string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func newReceiver(t *testing.T, answers ...func(w http.ResponseWriter)) *receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{answers: answers}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.headers, r.bodies = append(r.headers, request.Header), append(r.bodies, body)
		if verifier.Verify(body, request.Header) == nil {
			r.verified++
		}
		r.answers[min(len(r.bodies), len(r.answers))-1](w)
	}))
	t.Cleanup(s.Close)
	r.url = s.URL + "/hook?key=receivers0secret"
	return r
}

func (r *receiver) received() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bodies)
}

func newChannel(t *testing.T, options webhook.Options) *webhook.Channel {
	t.Helper()
	c, err := webhook.New(secret, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChannel(t *testing.T) {
	deliverytest.TestChannel(t, func(t *testing.T) deliverytest.Receiver {
		r := newReceiver(t, status(204))
		return deliverytest.Receiver{
			Channel: newChannel(t, webhook.Options{AllowPrivate: true}),
			Notification: func(i int, there bool) delivery.Notification {
				n := deliverytest.Notification(i)
				n.Address = r.url
				if !there {
					n.Address = "http://127.0.0.1:1/"
				}
				return n
			},
			Received: func() (sids []string) {
				r.mu.Lock()
				defer r.mu.Unlock()
				for _, h := range r.headers {
					sids = append(sids, h.Get("webhook-id"))
				}
				return sids
			},
		}
	})
}

func TestRequest(t *testing.T) {
	now := time.Now()
	r := newReceiver(t, status(200))
	n := deliverytest.Notification(0)
	n.Address = r.url
	c := newChannel(t, webhook.Options{AllowPrivate: true, Now: func() time.Time { return now }})
	if result := c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 3, Remaining: 90*time.Second + time.Millisecond}); result.String() != "delivered" {
		t.Fatalf("%s %s", result, result.Reason())
	}
	var body map[string]any
	if err := json.Unmarshal(r.bodies[0], &body); err != nil {
		t.Fatal(err)
	}
	if r.verified != 1 || body["type"] != "verify_push_challenge" || body["sid"] != n.SID || body["challenge_sid"] != n.ChallengeSID ||
		body["ttl"] != 91.0 || body["identity"] != n.Identity || r.headers[0].Get("webhook-id") != n.SID {
		t.Errorf("%d verified, %s, %v", r.verified, r.bodies[0], r.headers[0])
	}
}

func TestResults(t *testing.T) {
	n := deliverytest.Notification(0)
	c := newChannel(t, webhook.Options{AllowPrivate: true})
	for name, want := range map[string]struct {
		answer func(w http.ResponseWriter)
		result string
	}{
		"200":              {status(200), "delivered"},
		"204":              {status(204), "delivered"},
		"410":              {status(410), "gone"},
		"404":              {status(404), "again"},
		"429":              {status(429), "again"},
		"500":              {status(500), "again"},
		"a redirect":       {status(302, "Location", "/elsewhere"), "again"},
		"an endless body":  {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 1<<20)) }, "delivered"},
		"a broken answer":  {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "again"},
		"a huge RetryTime": {status(503, "Retry-After", "99999999999999"), "again"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, want.answer)
			n.Address = r.url
			result := c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
			if result.String() != want.result || r.received() != 1 || strings.Contains(result.Reason(), "receivers0secret") {
				t.Errorf("%s because %q after %d requests, want %s", result, result.Reason(), r.received(), want.result)
			}
		})
	}
	for _, address := range []string{"", "ftp://x", "nowhere", "http://", "http://[::1"} {
		n.Address = address
		if result := c.Deliver(t.Context(), delivery.Attempt{Notification: n}); result.String() != "gone" {
			t.Errorf("address %q: %s", address, result)
		}
	}
}

// What is dialled counts, not what the URL says: a name may resolve to anything.
func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	r := newReceiver(t, status(200))
	c := newChannel(t, webhook.Options{})
	n := deliverytest.Notification(0)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		n.Address = strings.Replace(r.url, "127.0.0.1", host, 1)
		if result := c.Deliver(t.Context(), delivery.Attempt{Notification: n}); result.String() != "gone" && host != "localhost" || result.String() == "delivered" {
			t.Errorf("%s: %s because %s", n.Address, result, result.Reason())
		}
	}
	if r.received() != 0 {
		t.Errorf("%d requests arrived", r.received())
	}
}

// A receiver that fails and then works gets it after as many attempts as the schedule says.
func TestRetriesUntilDelivered(t *testing.T) {
	r := newReceiver(t, status(500), status(429, "Retry-After", "7"), status(503), status(200))
	clock := delivery.NewManualClock(deliverytest.Start)
	var results []string
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{
		Store: memstore.New(), Clock: clock, Random: func() float64 { return 0.5 },
		Channels: map[string]delivery.Channel{"webhook": newChannel(t, webhook.Options{AllowPrivate: true, Now: clock.Now})},
		Observe: func(e delivery.Event) {
			if e.Type == delivery.EventAttempted {
				results = append(results, e.Time.Sub(deliverytest.Start).String()+" "+e.Result)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	clock.Settle = queue.Idle
	n := deliverytest.Notification(0)
	n.Channel, n.Address = "webhook", r.url
	if err := queue.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	clock.Advance(n.TTL)
	// 1 s after the first, what the receiver asked for after the second, 4 s after the third.
	if want := []string{"0s again", "1s again", "8s again", "12s delivered"}; !slices.Equal(results, want) {
		t.Errorf("attempts %v, want %v", results, want)
	}
	if record, err := queue.Find(t.Context(), n.SID); err != nil || record.State != delivery.Delivered || record.Attempts != 4 {
		t.Errorf("%+v %v", record, err)
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	made, err := webhook.LoadOrMakeSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := webhook.LoadSecret(dir); err != nil || again != made {
		t.Errorf("%q, %v, want %q", again, err, made)
	}
	if _, err := webhook.New(made, webhook.Options{}); err != nil {
		t.Error(err)
	}
	if _, err := webhook.New("whsec_not!base64", webhook.Options{}); err == nil || strings.Contains(err.Error(), "base64!") || strings.Contains(err.Error(), "not!") {
		t.Errorf("got %v", err)
	}
}
