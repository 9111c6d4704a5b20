package device_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/server/device"
)

const key = "0123456789abcdef0123456789abcdef"

// running is a handler over a real queue, at deliverytest.Start.
type running struct {
	url   string
	queue *delivery.Queue
	clock *delivery.ManualClock
	close func() error
}

func start(t *testing.T, configure ...func(*device.Config)) *running {
	t.Helper()
	clock := delivery.NewManualClock(deliverytest.Start)
	hub := &stream.Hub{}
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{Store: memstore.New(), Channels: map[string]delivery.Channel{"stream": hub}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	config := device.Config{Queue: queue, Hub: hub, Keys: device.FixedKeys(device.Key(key)), TokenTime: clock.Now}
	for _, f := range configure {
		f(&config)
	}
	h, err := device.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h.Mount(http.NotFoundHandler()))
	t.Cleanup(func() {
		_ = h.Close()
		s.Close()
		_ = queue.Close()
	})
	return &running{url: s.URL, queue: queue, clock: clock, close: h.Close}
}

func path(d delivery.Device) string {
	return "/devices/v1/Services/" + d.ServiceSID + "/Entities/" + d.Identity + "/notifications"
}

func token(t *testing.T, k string, d delivery.Device, valid time.Duration) string {
	t.Helper()
	text, err := device.Key(k).Token(d, deliverytest.Start, valid)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func ask(t *testing.T, method, url, token string, header http.Header) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestRefusals(t *testing.T) {
	r := start(t)
	d, other := deliverytest.Notification(0).Device, deliverytest.Notification(1).Device
	good := token(t, key, d, time.Hour)
	unsigned := "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + strings.Split(good, ".")[1] + "."
	short := delivery.Device{ServiceSID: d.ServiceSID, Identity: "short"}
	for name, c := range map[string]struct {
		method, path, token string
		status, code        int
	}{
		"no token":                 {method: "GET", path: path(d), status: 401, code: 20003},
		"not a token":              {method: "GET", path: path(d), token: "x.y.z", status: 401, code: 20003},
		"another key":              {method: "GET", path: path(d), token: token(t, strings.Repeat("x", 32), d, time.Hour), status: 401, code: 20003},
		"no signature":             {method: "GET", path: path(d), token: unsigned, status: 401, code: 20003},
		"an expired token":         {method: "GET", path: path(d), token: token(t, key, d, -time.Second), status: 401, code: 20003},
		"another device's token":   {method: "GET", path: path(d), token: token(t, key, other, time.Hour), status: 401, code: 20003},
		"an identity too short":    {method: "GET", path: path(short), token: good, status: 400, code: 60306},
		"an unknown notification":  {method: "POST", path: path(d) + "/" + deliverytest.Notification(5).SID + "/ack", token: good, status: 404, code: 20404},
		"a SID that is none":       {method: "POST", path: path(d) + "/NT1/ack", token: good, status: 400, code: 60306},
		"acknowledging with a GET": {method: "GET", path: path(d) + "/" + deliverytest.Notification(5).SID + "/ack", token: good, status: 405, code: 20004},
		"an unknown path":          {method: "GET", path: "/devices/v2", token: good, status: 404, code: 20404},
	} {
		t.Run(name, func(t *testing.T) {
			response := ask(t, c.method, r.url+c.path, c.token, nil)
			var body device.ErrorBody
			if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != c.status || body.Code != c.code || body.Status != c.status || body.Message == "" || body.MoreInfo == "" {
				t.Errorf("got %d %+v", response.StatusCode, body)
			}
			if c.status == 401 && !strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Error("no WWW-Authenticate")
			}
		})
	}
}

// writer calls itself for each write.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestLogHasALineARequestAndNoToken(t *testing.T) {
	lines := make(chan string, 10)
	log := writer(func(line []byte) { lines <- string(line) })
	r := start(t, func(c *device.Config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	d := deliverytest.Notification(0).Device
	tok := token(t, strings.Repeat("x", 32), d, time.Hour)
	_, _ = io.Copy(io.Discard, ask(t, "GET", r.url+path(d), tok, nil).Body)
	_, _ = io.Copy(io.Discard, ask(t, "POST", r.url+path(d)+"/"+strings.Repeat("A", 1000)+"/ack", "", nil).Body)
	text := <-lines + <-lines
	if strings.Count(text, "device request") != 2 || !strings.Contains(text, "status=401") || !strings.Contains(text, "identity="+d.Identity) ||
		strings.Contains(text, tok) || len(text) > 1000 {
		t.Error(text)
	}
}

func TestStreamIsServerSentEvents(t *testing.T) {
	r := start(t)
	n := deliverytest.Notification(0)
	if err := r.queue.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	r.queue.Idle()
	r.clock.Advance(time.Minute + time.Millisecond)
	response := ask(t, "GET", r.url+path(n.Device), token(t, key, n.Device, time.Hour), nil)
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Cache-Control") != "no-store, no-transform" ||
		response.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	var got []string
	for len(got) < 5 && lines.Scan() {
		got = append(got, lines.Text())
	}
	want := []string{
		": connected", "", "id: " + n.SID, "event: notification",
		`data: {"challenge_sid":"` + n.ChallengeSID + `","date_created":"2026-11-23T12:00:00Z","identity":"` + n.Identity +
			`","service_sid":"` + n.ServiceSID + `","sid":"` + n.SID + `","ttl":240,"type":"verify_push_challenge"}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLastEventIDIsNotSentAgain(t *testing.T) {
	r := start(t)
	first, second := deliverytest.Notification(0), deliverytest.Notification(10)
	for _, n := range []delivery.Notification{first, second} {
		if err := r.queue.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	tok := token(t, key, first.Device, time.Hour)
	response := ask(t, "GET", r.url+path(first.Device), tok, http.Header{"Last-Event-Id": {first.SID}})
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "id: ") {
	}
	if lines.Text() != "id: "+second.SID {
		t.Errorf("got %s", lines.Text())
	}
	if acknowledged := ask(t, "POST", r.url+path(first.Device)+"/"+first.SID+"/ack", tok, nil); acknowledged.StatusCode != 204 {
		t.Errorf("acknowledging what was not sent again: %d", acknowledged.StatusCode)
	}
}

func TestHeartbeatAndClose(t *testing.T) {
	r := start(t, func(c *device.Config) { c.Heartbeat = time.Millisecond })
	d := deliverytest.Notification(0).Device
	response := ask(t, "GET", r.url+path(d), token(t, key, d, time.Hour), nil)
	lines := bufio.NewScanner(response.Body)
	for beats := 0; beats < 3; {
		if !lines.Scan() {
			t.Fatal("the stream ended")
		}
		if lines.Text() == ": alive" {
			beats++
		}
	}
	if err := errors.Join(r.close(), r.close()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Errorf("the stream did not end cleanly: %v", err)
	}
}

func TestPageTalksToNobodyElse(t *testing.T) {
	r := start(t)
	response := ask(t, "GET", r.url+"/devices", "", nil)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	policy := response.Header.Get("Content-Security-Policy")
	if response.StatusCode != 200 || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(string(body), "://") {
		t.Errorf("%d, policy %q, or the page names another host", response.StatusCode, policy)
	}
}

func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := device.LoadKey(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no key yet: %v", err)
	}
	keys, err := device.OpenKeys(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	made := keys()[0]
	if again, err := device.OpenKeys(dir, slog.New(slog.DiscardHandler)); err != nil || string(again()[0]) != string(made) {
		t.Errorf("%v, want %q", err, made)
	}
	again, err := device.LoadKey(dir)
	if err != nil || string(again) != string(made) || len(made) < 32 {
		t.Errorf("%q, %v, want %q", again, err, made)
	}
	info, err := os.Stat(filepath.Join(dir, "device.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "device.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := device.LoadKey(dir); err == nil || !strings.Contains(err.Error(), "32 bytes") || strings.Contains(err.Error(), "short\"") {
		t.Errorf("got %v", err)
	}
	if _, err := device.New(device.Config{}); err == nil {
		t.Error("a handler without parts was made")
	}
}

// A server for development gives tokens to its own pages and to programs, which are worth nothing to another process.
func TestMintDeviceToken(t *testing.T) {
	d := delivery.Device{ServiceSID: "VA" + strings.Repeat("a", 32), Identity: "user-0001"}
	tokens := strings.Replace(path(d), "/notifications", "/tokens", 1)
	s, other := start(t, func(c *device.Config) { c.MintTokens = true }), start(t)
	response := ask(t, http.MethodPost, s.url+tokens, "", nil)
	var minted struct{ Token string }
	if err := json.NewDecoder(response.Body).Decode(&minted); err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("%d %v", response.StatusCode, err)
	}
	if status := ask(t, http.MethodGet, s.url+path(d), minted.Token, nil).StatusCode; status != http.StatusOK {
		t.Errorf("the stream answers the token with %d", status)
	}
	if status := ask(t, http.MethodGet, other.url+path(d), minted.Token, nil).StatusCode; status != http.StatusUnauthorized {
		t.Errorf("another process with the same key answers the token with %d", status)
	}
	if status := ask(t, http.MethodPost, other.url+tokens, "", nil).StatusCode; status != http.StatusNotFound {
		t.Errorf("a server that is not for development answers %d", status)
	}
	if status := ask(t, http.MethodPost, s.url+tokens, "", http.Header{"Origin": {"https://evil.example"}}).StatusCode; status != http.StatusNotFound {
		t.Errorf("a page of another site gets %d", status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	rebound, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = rebound.Body.Close()
	if rebound.StatusCode != http.StatusNotFound {
		t.Errorf("a name that was pointed here gets %d", rebound.StatusCode)
	}
}
