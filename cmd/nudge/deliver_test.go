package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/webhook"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server/device"
)

// A copy of a running server's directory is a directory that a server can be started on, with its keys.
func TestStoreBackupAndCheck(t *testing.T) {
	t.Parallel()
	data, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	r := serve(t, "--data="+data)
	sid := r.create(t, strconv.Itoa(documented.MaxTTL))
	if code, stdout, stderr := command("store", "backup", "--ops-url="+r.ops, data, to); code != 0 || !strings.Contains(stdout, to) {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	if code, _, stderr := command("store", "backup", "--ops-url="+r.ops, data, to); code != exitFailure || !strings.Contains(stderr, "there already") {
		t.Errorf("again: exit %d, %s", code, stderr)
	}
	if code, _, stderr := command("store", "backup", "--ops-url="+r.ops, t.TempDir(), to+"2"); code != exitFailure || !strings.Contains(stderr, "this server's directory is "+data) {
		t.Errorf("of another directory: exit %d, %s", code, stderr)
	}
	if code, _, stderr := command("store", "check", data); code != exitFailure || !strings.Contains(stderr, "in use") {
		t.Errorf("checking what is in use: exit %d, %s", code, stderr)
	}
	if code, stdout, stderr := command("store", "check", to); code != 0 || !strings.Contains(stdout, `"pending": 1`) {
		t.Errorf("checking: exit %d, %s %s", code, stdout, stderr)
	}
	restored := serve(t, "--data="+to)
	if n := restored.status(t, sid); n.State != delivery.Pending {
		t.Errorf("%+v", n)
	}
	for _, name := range []string{"device.key", "webhook.secret"} {
		a, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}

// A device whose tokens were revoked is cut off, and comes back with a later one.
func TestRevokedDevice(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	r := serve(t, "--data="+data)
	key, err := device.LoadKey(data)
	if err != nil {
		t.Fatal(err)
	}
	d := delivery.Device{ServiceSID: strings.TrimPrefix(target[0], "--service="), Identity: strings.TrimPrefix(target[1], "--identity=")}
	ask := func(issued time.Time) *http.Response {
		token, err := key.Token(d, issued, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequest(http.MethodGet, r.url+"/devices/v1/Services/"+d.ServiceSID+"/Entities/"+d.Identity+"/notifications", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	stream := ask(time.Now())
	if stream.StatusCode != 200 {
		t.Fatal(stream.StatusCode)
	}
	if code, stdout, stderr := command("device-revoke", "--ops-url="+r.ops, target[0], target[1]); code != 0 || !strings.Contains(stdout, "revoked") {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream did not end cleanly: %v", err)
	}
	if status := ask(time.Now().Add(-time.Minute)).StatusCode; status != http.StatusUnauthorized {
		t.Errorf("an old token is answered %d", status)
	}
	if status := ask(time.Now().Add(2 * time.Second)).StatusCode; status != http.StatusOK {
		t.Errorf("a later token is answered %d", status)
	}
}

// What became of one that expired says why its last attempt failed.
func TestExpiredSaysWhy(t *testing.T) {
	r := serve(t, "--test-clock")
	sid := r.create(t, "1")
	r.advance(t, "2s")
	if n := r.status(t, sid); n.State != delivery.Expired || n.Reason != "the device is offline" {
		t.Errorf("%+v", n)
	}
}

// A server whose files are taken away ends with exit code 1 and says so in one line.
func TestDirectoryThatGoesEndsTheServer(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	r := serve(t, "--data="+data)
	r.create(t, strconv.Itoa(documented.MaxTTL))
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(append([]string{"send", "--url=" + r.url, development}, target...)...); code == 0 {
		t.Errorf("a notification is taken: %s", stderr)
	}
	code := <-r.exit
	r.exit <- code
	if code != exitFailure || !strings.Contains(r.stderr.String(), "removed or replaced") {
		t.Errorf("exit %d: %s", code, r.stderr)
	}
}

// Several keys between commas are several for the server and for those who mint.
func TestDeviceKeysBetweenCommas(t *testing.T) {
	keys := "--device-key=" + strings.Repeat("n", 32) + "," + strings.Repeat("o", 32)
	r := serve(t, keys)
	for _, minted := range []string{keys, "--device-key=" + strings.Repeat("o", 32)} {
		code, token, stderr := command("device-token", minted, target[0], target[1])
		if code != 0 {
			t.Fatal(stderr)
		}
		request, err := http.NewRequest(http.MethodPost, r.url+"/devices/v1/Services/"+documented.ServiceSID+"/Entities/ff483d1ff591898a9942916050d2ca3f/notifications/NT"+strings.Repeat("0", 32)+"/ack", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", minted, response.StatusCode)
		}
	}
}

// What the events webhook does not take in time is dropped, counted and said at once; those of one notification keep their order.
func TestEventsThatAreDropped(t *testing.T) {
	t.Parallel()
	secrets, err := webhook.ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	letGo, posted := make(chan bool), make(chan string, 5000)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-letGo
		var event struct{ Reason string }
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		posted <- event.Reason
	}))
	defer receiver.Close()
	lines := newLines()
	h := startEventHook(receiver.URL, webhook.New(webhook.FixedSecrets(secrets), webhook.Options{Rules: outbound.Rules{AllowPrivate: true}}), plainLogger(lines))
	const events = eventQueue + 500
	for i := range events {
		h.observe(delivery.Event{Type: delivery.EventAttempted, Reason: fmt.Sprintf("%06d", i), Record: delivery.Record{Notification: delivery.Notification{SID: "NT1"}}})
	}
	lines.await(t, "events were dropped")
	if dropped := h.droppedEvents(); dropped < 499 || dropped > 500 {
		t.Errorf("%d are counted", dropped)
	}
	close(letGo)
	h.close()
	close(posted)
	last, count := "", 0
	for reason := range posted {
		if count++; reason < last {
			t.Errorf("%s came after %s", reason, last)
		}
		last = reason
	}
	if count+h.droppedEvents() != events {
		t.Errorf("%d posted and %d dropped of %d", count, h.droppedEvents(), events)
	}
}
