package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/webhook"
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
	secrets, err := webhook.ParseSecrets(secret)
	if err != nil {
		t.Fatal(err)
	}
	return webhook.New(webhook.FixedSecrets(secrets), options)
}

func TestChannel(t *testing.T) {
	deliverytest.TestChannel(t, func(t *testing.T) deliverytest.Receiver {
		r := newReceiver(t, status(204))
		return deliverytest.Receiver{
			Channel: newChannel(t, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}}),
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

func TestProvider(t *testing.T) {
	deliverytest.TestProvider(t, func(t *testing.T, now func() time.Time) deliverytest.Provider {
		done := make(chan struct{})
		answers := map[deliverytest.Reply]func(http.ResponseWriter){
			deliverytest.Accept: status(204), deliverytest.Unavailable: status(503), deliverytest.Busy: status(429, "Retry-After", "7"),
			deliverytest.Unknown: status(410), deliverytest.Reset: func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
			deliverytest.Garbage: func(w http.ResponseWriter) {
				if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
					_, _ = conn.Write([]byte("\x00\x01 no answer\r\n\r\n"))
					_ = conn.Close()
				}
			},
			deliverytest.Hang: func(http.ResponseWriter) { <-done },
		}
		var mu sync.Mutex
		var script []deliverytest.Reply
		var sent []deliverytest.Sent
		received := make(chan bool, 1)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				SID string
				TTL int
			}
			_ = json.NewDecoder(r.Body).Decode(&body)
			mu.Lock()
			sent = append(sent, deliverytest.Sent{SID: body.SID, TTL: time.Duration(body.TTL) * time.Second})
			reply := script[0]
			if len(script) > 1 {
				script = script[1:]
			}
			mu.Unlock()
			select {
			case received <- true:
			default:
			}
			answers[reply](w)
		}))
		t.Cleanup(s.Close)
		t.Cleanup(func() { close(done) })
		return deliverytest.Provider{
			Channel: newChannel(t, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}, Now: now}), Address: s.URL, Received: received,
			Script: func(replies ...deliverytest.Reply) {
				mu.Lock()
				defer mu.Unlock()
				script = replies
			},
			Sent: func() []deliverytest.Sent {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(sent)
			},
		}
	})
}

func TestRequest(t *testing.T) {
	now := time.Now()
	r := newReceiver(t, status(200))
	n := deliverytest.Notification(0)
	n.Address = r.url
	c := newChannel(t, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}, Now: func() time.Time { return now }})
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
	c := newChannel(t, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}})
	for name, want := range map[string]struct {
		answer func(w http.ResponseWriter)
		result string
	}{
		"200":              {answer: status(200), result: "delivered"},
		"204":              {answer: status(204), result: "delivered"},
		"410":              {answer: status(410), result: "gone"},
		"404":              {answer: status(404), result: "again"},
		"429":              {answer: status(429), result: "again"},
		"500":              {answer: status(500), result: "again"},
		"a redirect":       {answer: status(302, "Location", "/elsewhere"), result: "again"},
		"an endless body":  {answer: func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 1<<20)) }, result: "delivered"},
		"a broken answer":  {answer: func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, result: "again"},
		"a huge RetryTime": {answer: status(503, "Retry-After", "99999999999999"), result: "again"},
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
		Channels: map[string]delivery.Channel{"webhook": newChannel(t, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}, Now: clock.Now})},
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
	path := filepath.Join(dir, "webhook.secret")
	log := slog.New(slog.DiscardHandler)
	if _, err := webhook.LoadSecrets(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no secret yet: %v", err)
	}
	secrets, err := webhook.OpenSecrets(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if _, err := webhook.OpenSecrets(dir, log); err != nil {
		t.Error(err)
	}
	if again, err := os.ReadFile(path); err != nil || string(again) != string(made) {
		t.Errorf("%q, %v, want %q", again, err, made)
	}

	// A second secret signs too, without a restart: receivers that know either go on.
	if err := os.WriteFile(path, []byte(secret+"\n"+string(made)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t, status(200))
	n := deliverytest.Notification(0)
	n.Address = r.url
	c := webhook.New(secrets, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}})
	c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
	old, err := webhook.ParseSecrets(strings.TrimSpace(string(made)))
	if err != nil {
		t.Fatal(err)
	}
	if err := old[0].Verify(r.bodies[0], r.headers[0]); err != nil || r.verified != 1 {
		t.Errorf("by the old secret: %v; by the new one: %d", err, r.verified)
	}

	for name, text := range map[string]string{
		"empty": "", "blank": " \n", "a comment only": "# nothing\n", "no bytes": "whsec_", "too short": "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)),
		"too long": "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)), "not base64": "whsec_not!base64", "without its prefix": strings.TrimPrefix(secret, "whsec_"),
	} {
		if _, err := webhook.ParseSecrets(text); err == nil || strings.Contains(err.Error(), "not!") {
			t.Errorf("%s: got %v", name, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := webhook.LoadSecrets(dir); err == nil || strings.Contains(err.Error(), "not!") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s in the file: got %v", name, err)
		}
		if _, err := webhook.OpenSecrets(dir, log); err == nil {
			t.Errorf("%s in the file: it is opened", name)
		}
	}
}

// A reason is the same for the same cause: it is counted and remembered, and holds nothing of the receiver's URL.
func TestReasonsAreTheSame(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	c := newChannel(t, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}})
	n := deliverytest.Notification(0)
	n.Address = "http://" + listener.Addr().String() + "/"
	reasons := map[string]bool{}
	for range 5 {
		reasons[c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}).Reason()] = true
	}
	_ = listener.Close()
	for reason := range reasons {
		if strings.Contains(reason, "127.0.0.1:") {
			t.Errorf("%q holds an address", reason)
		}
	}
	reasons = map[string]bool{}
	for range 3 {
		reasons[c.Deliver(t.Context(), delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}).Reason()] = true
	}
	if len(reasons) != 1 || !reasons["dial: connect: connection refused"] {
		t.Errorf("%v", reasons)
	}
}
