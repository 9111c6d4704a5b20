package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server/ops"
)

// create sends a notification and gives its SID.
func (r *running) create(t *testing.T, ttl string) string {
	t.Helper()
	code, stdout, stderr := command(append([]string{"send", "--url=" + r.url, development, "--ttl=" + ttl}, target...)...)
	var n api.Notification
	if err := json.Unmarshal([]byte(stdout), &n); code != 0 || err != nil {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	return *n.Sid
}

func (r *running) status(t *testing.T, sid string) ops.Notification {
	t.Helper()
	code, stdout, stderr := command("status", "--ops-url="+r.ops, sid)
	var n ops.Notification
	if err := json.Unmarshal([]byte(stdout), &n); code != 0 || err != nil {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	return n
}

// advance moves the clock of a server with --test-clock.
func (r *running) advance(t *testing.T, by string) (status int) {
	t.Helper()
	response, err := http.Post(r.ops+"/clock/advance?by="+by, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestStatusTailAndTestClock(t *testing.T) {
	t.Parallel()
	r := serve(t, "--test-clock")
	r.stdout.await(t, "NOT FOR PRODUCTION")
	ctx, cancel := context.WithCancel(t.Context())
	events, ended := newLines(), make(chan int)
	watching := make(chan bool)
	go func() {
		// The stream is open once the server has answered it.
		response, err := opsURL{OpsURL: r.ops}.open(ctx, "events")
		if err == nil {
			_ = response.Body.Close()
		}
		close(watching)
		ended <- run(ctx, []string{"tail", "--ops-url=" + r.ops}, events, newLines())
	}()
	<-watching
	// What happens before the tail is connected is not its to print: create until one appears.
	for !strings.Contains(events.String(), `"created"`) {
		r.create(t, "1")
	}
	sid := r.create(t, "150")
	events.await(t, `"type":"attempted"[^\n]*"sid":"`+sid)
	if n := r.status(t, sid); n.State != delivery.Pending || n.Attempts != 1 || n.LastAttempt == nil || n.Ended != nil || n.TTL != 150 || n.Channel != "stream" {
		t.Errorf("before its TTL: %+v", n)
	}
	if status := r.advance(t, "150s"); status != http.StatusOK {
		t.Fatalf("advance: %d", status)
	}
	if n := r.status(t, sid); n.State != delivery.Expired || n.Ended == nil {
		t.Errorf("after its TTL: %+v", n)
	}
	events.await(t, `"type":"expired"[^\n]*"sid":"`+sid)
	for _, by := range []string{"-1s", "soon", "", "25h"} {
		if status := r.advance(t, by); status != http.StatusBadRequest {
			t.Errorf("advance by %q: %d", by, status)
		}
	}
	_, metrics := get(t, r.ops+"/metrics")
	for _, line := range []string{"nudge_notifications_pending 0", `nudge_delivery_attempts_total{channel="stream",result="waiting"}`,
		`nudge_delivery_outcomes_total{channel="stream",state="expired"}`, "nudge_expiry_lag_seconds_count"} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics have no %s", line)
		}
	}
	if code, _, stderr := command("status", "--ops-url="+r.ops, "NT"+strings.Repeat("0", 32)); code != exitFailure || !strings.Contains(stderr, "404") {
		t.Errorf("an unknown notification: exit %d, %s", code, stderr)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("tail: exit %d", code)
	}
	plain := serve(t)
	if status := plain.advance(t, "1s"); status != http.StatusNotFound {
		t.Errorf("without --test-clock the clock can be moved: %d", status)
	}
}

// One server delivers to a webhook and posts the events to another.
func TestWebhookAndEventsWebhook(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	received := make(chan string, 100)
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || verifier.Verify(body, r.Header) != nil {
			t.Errorf("%s %s: %v, or the signature is wrong", r.URL, body, err)
		}
		var event struct{ Type string }
		if err := json.Unmarshal(body, &event); err != nil {
			t.Error(err)
		}
		received <- r.URL.Path + " " + event.Type
	}))
	defer receiver.Close()
	r := serve(t, "--webhook-secret="+secret, "--device=webhook="+receiver.URL+"/device", "--events-webhook="+receiver.URL+"/events", "--webhook-allow-private")
	sid := r.create(t, "150")
	want := map[string]bool{"/device verify_push_challenge": true, "/events created": true, "/events attempted": true, "/events delivered": true}
	for len(want) > 0 {
		got := <-received
		if !want[got] {
			t.Errorf("got %s, still wanted %v", got, want)
		}
		delete(want, got)
	}
	if n := r.status(t, sid); n.State != delivery.Delivered || n.Attempts != 1 {
		t.Errorf("%+v", n)
	}
}

// The README's minute: a server, a receiver, a notification.
func TestReceiveInTheTerminal(t *testing.T) {
	data := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	r := serve(t, "--data="+data, "--device=webhook=http://"+addr+"/", "--webhook-allow-private")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, stderr, ended := newLines(), newLines(), make(chan int)
	go func() { ended <- run(ctx, []string{"receive", "--addr=" + addr, "--data=" + data}, stdout, stderr) }()
	stderr.await(t, "receiving webhooks on")
	sid := r.create(t, "150")
	stdout.await(t, `"sid":"`+sid)
	forged, err := http.Post("http://"+addr, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = forged.Body.Close()
	if forged.StatusCode != http.StatusUnauthorized {
		t.Errorf("a forged webhook got %d", forged.StatusCode)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	nowhere := t.TempDir() + "/typo"
	if code, _, stderr := command("receive", "--addr="+addr, "--data="+nowhere); code != exitFailure || !strings.Contains(stderr, nowhere) {
		t.Errorf("no such data directory: exit %d, %s", code, stderr)
	}
}

// Without the flag a webhook to this machine is refused, and the status says why.
func TestPrivateWebhookIsRefused(t *testing.T) {
	r := serve(t, "--device=webhook=http://127.0.0.1:1/")
	r.stderr.await(t, "no webhook will be sent")
	sid := r.create(t, "0")
	n := r.status(t, sid)
	for ; n.State == delivery.Pending; n = r.status(t, sid) {
		t.Log("the attempt is on its way")
	}
	if n.State != delivery.Failed || !strings.Contains(n.Reason, "not public") {
		t.Errorf("%+v", n)
	}
}
