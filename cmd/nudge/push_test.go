package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/pushpeers"
	"github.com/nudgehq/nudge/server/accounts"
)

// pushBench is a directory with local providers and challenges, one for each channel.
type pushBench struct {
	*pushpeers.Peers
	dir, data, challenges string
}

func newPushBench(t *testing.T) *pushBench {
	t.Helper()
	b := &pushBench{dir: t.TempDir(), data: t.TempDir()}
	var err error
	if b.Peers, err = pushpeers.Start(b.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	b.challenges = filepath.Join(b.dir, "challenges.yaml")
	b.write(t, "")
	return b
}

// challengeOf is the challenge of the i-th channel.
func challengeOf(i int) string {
	return documented.ChallengeSID[:2] + fmt.Sprintf("%032x", i+1)
}

// write writes the challenges, with more in that of the first channel.
func (b *pushBench) write(t *testing.T, more string) {
	t.Helper()
	var text strings.Builder
	text.WriteString("challenges:\n")
	for i, name := range pushpeers.Names {
		fmt.Fprintf(&text, "- {account_sid: %s, service_sid: %s, identity: identity-%s, challenge_sid: %s, channel: %s, address: %s, details: {place: Oslo}%s}\n",
			accounts.DevelopmentSID, documented.ServiceSID, name, challengeOf(i), name, "'"+b.Addresses[name]+"'", more)
		more = ""
	}
	if err := os.WriteFile(b.challenges, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *pushBench) serve(t *testing.T) *running {
	t.Helper()
	return serve(t, "--test-clock", "--data="+b.data, "--channels="+b.Channels, "--challenges="+b.challenges, development)
}

// send creates a notification for the challenge of the i-th channel.
func (b *pushBench) send(r *running, i int) (code int, sid, stderr string) {
	code, stdout, stderr := command("send", "--url="+r.url, development, target[0], "--identity=identity-"+pushpeers.Names[i], "--challenge="+challengeOf(i))
	if at := strings.Index(stdout, "NT"); at >= 0 {
		sid = stdout[at : at+34]
	}
	return code, sid, stderr
}

func TestPush(t *testing.T) {
	t.Parallel()
	b := newPushBench(t)
	r := b.serve(t)
	for i, name := range pushpeers.Names {
		code, sid, stderr := b.send(r, i)
		if code != 0 {
			t.Fatalf("%s: %s", name, stderr)
		}
		r.advance(t, "1s")
		if n := r.status(t, sid); n.State != delivery.Delivered || n.Channel != name {
			t.Errorf("%s: %+v", name, n)
		}
		got := b.Of(name).Got()
		if len(got) != 1 || !strings.Contains(got[0].Text, sid) {
			t.Errorf("%s got %+v", name, got)
		}
	}
	if text := b.APNs.Got()[0].Text; !strings.Contains(text, "Sign in to Example — From Oslo. Is it you?") {
		t.Errorf("the phone shows %q", text)
	}
	_, metrics := get(t, r.ops+"/metrics")
	for _, want := range []string{`nudge_delivery_outcomes_total{channel="ios",state="delivered"} 1`, `nudge_channel_destinations_failing{channel="android"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, secret := range []string{b.Addresses["ios"], b.Addresses["android"], "PRIVATE KEY"} {
		if strings.Contains(r.stderr.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// A dead address is refused from then on, also after a restart, until the directory has another one, or has seen the device since.
func TestDeadAddressIsRemembered(t *testing.T) {
	t.Parallel()
	b := newPushBench(t)
	r := b.serve(t)
	b.APNs.Script(pushpeers.With(410, `{"reason":"Unregistered"}`), pushpeers.Provider)
	_, sid, _ := b.send(r, 0)
	r.advance(t, "1s")
	if n := r.status(t, sid); n.State != delivery.Failed || n.Reason != "APNs answered 410 Unregistered" {
		t.Errorf("%+v", n)
	}
	if code, _, stderr := b.send(r, 0); code == 0 || !strings.Contains(stderr, "60307") || !strings.Contains(stderr, "nothing arrives at its address") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if _, metrics := get(t, r.ops+"/metrics"); !strings.Contains(metrics, `nudge_dead_addresses_total{channel="ios"} 1`) {
		t.Error("no metric counts it")
	}
	if code, _, stderr := b.send(r, 1); code != 0 {
		t.Errorf("another channel: %s", stderr)
	}
	r.end()
	r = b.serve(t)
	if code, _, stderr := b.send(r, 0); code == 0 || !strings.Contains(stderr, "60307") {
		t.Errorf("after a restart: exit %d: %s", code, stderr)
	}
	b.write(t, ", address_since: 2020-01-01T00:00:00Z")
	if code, _, _ := b.send(r, 0); code == 0 {
		t.Error("seen long ago: it is taken")
	}
	b.write(t, ", address_since: 2100-01-01T00:00:00Z")
	if code, _, _ := b.send(r, 0); code == 0 {
		t.Error("seen in the future: it is taken")
	}
	b.write(t, ", address_since: "+time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
	if code, _, stderr := b.send(r, 0); code != 0 {
		t.Errorf("seen since: %s", stderr)
	}
	b.write(t, "")
	if code, _, stderr := b.send(r, 0); code != 0 {
		t.Errorf("once it was good again: %s", stderr)
	}
	r.advance(t, "1s")
	if n := len(b.APNs.Got()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestProviderThatRefusesTheKey(t *testing.T) {
	t.Parallel()
	b := newPushBench(t)
	r := b.serve(t)
	b.APNs.Script(pushpeers.With(403, `{"reason":"InvalidProviderToken"}`))
	_, sid, _ := b.send(r, 0)
	r.advance(t, "30s")
	if n := r.status(t, sid); n.State != delivery.Pending {
		t.Errorf("%+v", n)
	}
	r.stderr.await(t, "does not take this server's credentials or settings")
	if _, metrics := get(t, r.ops+"/metrics"); !strings.Contains(metrics, `nudge_credentials_refused_total{channel="ios"} 1`) {
		t.Error("no metric counts it")
	}
	b.APNs.Script()
	r.advance(t, "60s")
	if n := r.status(t, sid); n.State != delivery.Delivered {
		t.Errorf("%+v", n)
	}
}

// A provider that is away holds up no other, is seen in the metrics, and loses nothing.
func TestProviderThatIsAway(t *testing.T) {
	t.Parallel()
	b := newPushBench(t)
	r := b.serve(t)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	b.FCM.Script(pushpeers.With(503, ""))
	b.PushService.Script(pushpeers.Hang(done))
	_, hanging, _ := b.send(r, 2)
	_, down, _ := b.send(r, 1)
	<-b.PushService.Received()
	code, sid, stderr := b.send(r, 0)
	if code != 0 {
		t.Fatal(stderr)
	}
	// The phone has it though the browser's push service does not answer: the clock need not move for that.
	for end := time.Now().Add(30 * time.Second); r.status(t, sid).State != delivery.Delivered; <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", r.status(t, sid))
		}
	}
	if n := r.status(t, hanging); n.State != delivery.Pending {
		t.Errorf("%+v", n)
	}
	b.PushService.Script(pushpeers.Provider)
	r.advance(t, "60s")
	if n := r.status(t, hanging); n.State != delivery.Delivered {
		t.Errorf("%+v", n)
	}
	if _, metrics := get(t, r.ops+"/metrics"); !strings.Contains(metrics, `nudge_channel_destinations_failing{channel="android"} 1`) {
		t.Error("the metrics do not show that FCM fails")
	}
	b.FCM.Script()
	r.advance(t, "60s")
	if n := r.status(t, down); n.State != delivery.Delivered {
		t.Errorf("%+v", n)
	}
	if _, metrics := get(t, r.ops+"/metrics"); !strings.Contains(metrics, `nudge_channel_destinations_failing{channel="android"} 0`) {
		t.Error("the metrics do not show that FCM works")
	}
}

func TestChannelsCommands(t *testing.T) {
	b := newPushBench(t)
	code, stdout, stderr := command("channels", "check", b.Channels, "--challenges="+b.challenges)
	for _, want := range []string{"ios: APNs at https://127.0.0.1:", "topic com.example.app", "android: FCM at https://127.0.0.1:", "project example-app", "browser: Web Push", b.VAPID, "every challenge"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, %s%s; want %s", code, stdout, stderr, want)
		}
	}
	for _, name := range pushpeers.Names {
		code, stdout, stderr := command("channels", "send", b.Channels, name, b.Addresses[name])
		if code != 0 || !strings.Contains(stdout, "taken by the provider") || !strings.Contains(stdout, "> POST ") || !strings.Contains(stdout, "https://127.0.0.1:") || !strings.Contains(stdout, "\n< 20") {
			t.Errorf("%s: exit %d, %s%s", name, code, stdout, stderr)
		}
		got := b.Of(name).Got()[0]
		if _, secret, _ := strings.Cut(got.Header.Get("Authorization"), " "); strings.Contains(stdout, secret) || strings.Contains(stdout, b.Addresses[name]) || name != "android" && strings.Contains(stdout, got.Path) {
			t.Errorf("%s: secrets are printed: %s", name, stdout)
		}
	}
	b.FCM.Script(pushpeers.With(404, pushpeers.Refusal(404, "NOT_FOUND", "UNREGISTERED")))
	if code, _, stderr := command("channels", "send", b.Channels, "android", b.Addresses["android"]); code != exitFailure || !strings.Contains(stderr, "nothing arrives at the address any more: FCM answered 404 UNREGISTERED") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	for want, args := range map[string][]string{
		"there are android, browser, ios": {"pigeon", "x"},
		"takes another kind of address":   {"ios", "x"},
		"--ttl must be whole seconds":     {"ios", b.Addresses["ios"], "--ttl=1500ms"},
	} {
		if code, _, stderr := command(append([]string{"channels", "send", b.Channels}, args...)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, %s; want %s", code, stderr, want)
		}
	}
	if code, _, stderr := command("serve", "--channels="+b.challenges); code != exitUsage || !strings.Contains(stderr, "--channels: channels file: ") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestVAPID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "vapid.key")
	_, first, _ := command("vapid", path)
	code, again, stderr := command("vapid", path)
	if code != 0 || again != first || len(strings.TrimSpace(first)) != 87 {
		t.Errorf("exit %d: %q, then %q: %s", code, first, again, stderr)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A team's own service knows the challenges; while it is away, callers are told to come again.
func TestServiceOfChallenges(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer of-the-team" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, `{"status":"pending","channel":"stream","code":"challenge_not_found","message":"none"}`)
	}))
	t.Cleanup(s.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("of-the-team\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := serve(t, "--challenges="+s.URL, "--challenges-token-file="+token, development)
	r.create(t, "0")
	status = http.StatusNotFound
	other := strings.Replace(target[1], "ff48", "0048", 1)
	if code, _, stderr := command("send", "--url="+r.url, development, target[0], other, target[2]); code == 0 || !strings.Contains(stderr, "20404") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	status = http.StatusInternalServerError
	if code, _, stderr := command("send", "--url="+r.url, development, target[0], other, target[2]); code == 0 || !strings.Contains(stderr, "20503") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if _, metrics := get(t, r.ops+"/metrics"); !strings.Contains(metrics, "nudge_challenge_lookups_total ") || !strings.Contains(metrics, "nudge_challenge_service_failing 0") {
		t.Error("the metrics lack the lookups")
	}
	for want, args := range map[string][]string{
		"--challenges: it must be of https":       {"--challenges=http://team.example"},
		"--challenges-token-file is for":          {"--challenges-token-file=" + token},
		"--challenges-token-file: ":               {"--challenges=" + s.URL, "--challenges-token-file=" + filepath.Dir(token)},
		"--device is for --challenges any":        {"--challenges=" + s.URL, "--device=none"},
		"--device: channel: must be one of strea": {"--device=ios=x"},
	} {
		if code, _, stderr := command(append([]string{"serve"}, args...)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %s; want %s", args, code, stderr, want)
		}
	}
}
