package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
)

func TestServeAndSend(t *testing.T) {
	r := serve(t)
	send := func(args ...string) (int, string, string) {
		return command(append(append([]string{"send", "--url=" + r.url, development}, target...), args...)...)
	}
	for ttl, args := range map[int][]string{documented.DefaultTTL: nil, 0: {"--ttl=0"}, 150: {"--ttl", "150"}} {
		code, stdout, stderr := send(args...)
		var n api.Notification
		if err := json.Unmarshal([]byte(stdout), &n); code != 0 || err != nil || n.Ttl != ttl {
			t.Errorf("ttl %d: exit %d, %s %s (%v)", ttl, code, stdout, stderr, err)
		}
	}
	if code, stdout, stderr := send("--challenge", challenges.Code(60323)); code != exitFailure || stdout != "" || !strings.Contains(stderr, "60323") {
		t.Errorf("a refusal: exit %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr := send(fmt.Sprintf("--ttl=%d", documented.MaxTTL+1)); code != exitUsage || !strings.Contains(stderr, "--ttl must be "+documented.TTLRule) {
		t.Errorf("a TTL above the maximum: exit %d, %q", code, stderr)
	}
	if code, _, stderr := send("--url=nowhere"); code != exitUsage || !strings.Contains(stderr, "base URL") {
		t.Errorf("a bad URL: exit %d, %q", code, stderr)
	}
	if code, _, _ := command("send", "--url=http://127.0.0.1:1", development, target[0], target[1], target[2]); code != exitFailure {
		t.Errorf("no server: exit %d", code)
	}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/debug/pprof/heap": "", "/metrics": ""} {
		if status, body := get(t, r.ops+path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, metrics := get(t, r.ops+"/metrics")
	for _, line := range []string{
		`nudge_requests_total{code="0",method="POST",operation="CreateNotification",status="201"} 3`,
		`nudge_requests_total{code="60323",method="POST",operation="CreateNotification",status="403"} 1`,
		`nudge_request_duration_seconds_count{code="0",operation="CreateNotification",status="201"} 3`,
		`nudge_requests_in_flight 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}
	if strings.Contains(r.stderr.String(), accounts.DevelopmentToken) {
		t.Error("the log holds the token")
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit %d: %s", code, r.stderr)
	}
}

// The command that the server prints works when pasted.
func TestPrintedCurl(t *testing.T) {
	curl := serve(t).stdout.await(t, `(?m)^  (curl .*)$`)[1]
	if _, err := exec.LookPath("curl"); err != nil {
		t.Logf("curl is not installed; checking the command's parts only: %s", curl)
		if !strings.Contains(curl, "-u "+accounts.DevelopmentSID+":"+accounts.DevelopmentToken) || !strings.Contains(curl, "-d Ttl=150") {
			t.Error(curl)
		}
		return
	}
	out, err := exec.Command("bash", "-c", curl+" --silent --show-error").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"ttl":150`) {
		t.Errorf("%s: %v %s", curl, err, out)
	}
}

func TestDrain(t *testing.T) {
	r := serve(t)
	// A request whose body has not ended is in flight.
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request, err := http.NewRequest("POST", r.url+documented.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken)
	head := "POST " + request.URL.Path + " HTTP/1.1\r\nHost: x\r\nAuthorization: " + request.Header.Get("Authorization") +
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	// The server asks for the body once the request has reached the form: then it is in flight.
	buffer := make([]byte, 1024)
	if n, err := conn.Read(buffer); err != nil || !strings.HasPrefix(string(buffer[:n]), "HTTP/1.1 100") {
		t.Fatalf("%q %v", buffer[:n], err)
	}
	r.stop()
	r.stderr.await(t, "shutting down.*in_flight=1")
	// Until then new requests get an answer that says what to do.
	code, _, stderr := command(append([]string{"send", "--url=" + r.url, development}, target...)...)
	if code != exitFailure || !strings.Contains(stderr, "20503") {
		t.Errorf("a new request while draining: exit %d, %s", code, stderr)
	}
	if status, _ := get(t, r.ops+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz is %d while draining", status)
	}
	if status, _ := get(t, r.ops+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz is %d while draining", status)
	}
	if _, err := io.WriteString(conn, "Ttl=150"); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(buffer)
	if err != nil || !strings.HasPrefix(string(buffer[:n]), "HTTP/1.1 201") {
		t.Errorf("the request in flight got %q %v", buffer[:n], err)
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestWrongFlags(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("accounts: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NUDGE_DATA", filepath.Join(dir, "data"))
	for want, args := range map[string][]string{
		"--device: channel: must be one of":  {"serve", "--device=pigeon"},
		"--webhook-secret":                   {"serve", "--webhook-secret=whsec_!"},
		"--test-clock needs":                 {"serve", "--test-clock", "--ops-addr="},
		"at least 32 bytes":                  {"serve", "--device-key=short"},
		"unknown flag --nope":                {"serve", "--nope"},
		"can be reached from other machines": {"serve", "--addr=:0"},
		"--addr 0.0.0.0:0":                   {"serve", "--addr=0.0.0.0:0"},
		"must be HOST:PORT":                  {"serve", "--addr=127.0.0.1", development},
		"--ops-addr":                         {"serve", "--addr=127.0.0.1:0", "--ops-addr=nowhere"},
		"must be SID:TOKEN":                  {"serve", "--account=AC1"},
		"accounts file":                      {"serve", "--accounts=" + bad},
		"no such file":                       {"serve", "--challenges=" + filepath.Join(dir, "none")},
		"--tls-cert and --tls-key":           {"serve", "--tls-cert=" + bad},
		"CORS origin":                        {"serve", "--cors-origin=example"},
		"--max-inflight must be at least 1":  {"serve", "--max-inflight=0"},
		"--max-body must be at least 1":      {"serve", "--max-body=-1"},
		"invalid port":                       {"serve", "--addr=127.0.0.1:99999"},
		"--log-format":                       {"serve", "--log-format=xml"},
		"missing flags":                      {"send"},
		"--account must be":                  append([]string{"send", "--account=x"}, target...),
		"unexpected argument nowhere":        {"nowhere"},
		"unexpected argument":                {"serve", "now"},
	} {
		code, stdout, stderr := command(args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %q; want 2 and %q", args, code, stderr, want)
		}
	}
	t.Run("an address in use is a failure", func(t *testing.T) {
		r := serve(t)
		t.Setenv("NUDGE_DATA", t.TempDir())
		code, _, stderr := command("serve", "--addr="+strings.TrimPrefix(r.url, "http://"))
		if code != exitFailure || !strings.Contains(stderr, "address already in use") {
			t.Errorf("exit %d, %q", code, stderr)
		}
	})
	if code, stdout, _ := command("serve", "--help"); code != 0 || !strings.Contains(stdout, "NUDGE_MAX_INFLIGHT") {
		t.Errorf("help: exit %d, %s", code, stdout)
	}
}

func TestEnvironmentAndFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	account, key := "AC"+strings.Repeat("1", 32), "SK"+strings.Repeat("2", 32)
	t.Setenv("NUDGE_ACCOUNTS", file("accounts.yaml", "accounts:\n- sid: "+account+"\n  tokens: [filetoken]\n  keys: [{sid: "+key+", secret: keysecret}]\n"))
	t.Setenv("NUDGE_CHALLENGES", file("challenges.yaml", "challenges:\n- {account_sid: "+account+", service_sid: "+documented.Prefix("ServiceSid")+strings.Repeat("3", 32)+
		", identity: user-0001, challenge_sid: YC"+strings.Repeat("4", 32)+"}\n"))
	t.Setenv("NUDGE_ACCOUNT", account+":flagtoken,"+accounts.DevelopmentSID+":other0token")
	r := serve(t)
	if curl := r.stdout.await(t, `(?m)^  (curl .*)$`)[1]; !strings.Contains(curl, "-u "+account+" ") || !strings.Contains(curl, "user-0001") {
		t.Errorf("the printed command is not for the file's challenge: %s", curl)
	}
	for credentials, want := range map[string]int{account + ":filetoken": 0, key + ":keysecret": 0, account + ":flagtoken": 0, account + ":wrong": exitFailure, accounts.DevelopmentSID + ":other0token": exitFailure} {
		code, _, stderr := command("send", "--account="+credentials, "--url="+r.url, "--service="+documented.Prefix("ServiceSid")+strings.Repeat("3", 32), "--identity=user-0001", "--challenge="+documented.Prefix("ChallengeSid")+strings.Repeat("4", 32))
		if code != want {
			t.Errorf("%s: exit %d, want %d: %s", credentials, code, want, stderr)
		}
	}
	for _, secret := range []string{"filetoken", "keysecret", "flagtoken", "other0token"} {
		if strings.Contains(r.stdout.String()+r.stderr.String(), secret) {
			t.Errorf("%s was printed", secret)
		}
	}
}

// An empty variable is most likely a secret that was not found.
func TestEmptyAccountVariableIsRefused(t *testing.T) {
	t.Setenv("NUDGE_DATA", t.TempDir())
	t.Setenv("NUDGE_ACCOUNT", "")
	if code, _, stderr := command("serve", "--addr=127.0.0.1:0"); code != exitUsage || !strings.Contains(stderr, "NUDGE_ACCOUNT") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// The server that is really started answers what is not valid HTTP in the error shape, and bounds bodies as it was told.
func TestServedLimits(t *testing.T) {
	r := serve(t, "--max-body=10")
	for request, want := range map[string]string{
		"POST /%zz HTTP/1.1\r\nHost: x\r\n\r\n":                      `"code":20001`,
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": `"code":20404`,
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		_ = conn.Close()
		if err != nil || !strings.Contains(string(answer), want) {
			t.Errorf("%q: %s %v", request, answer, err)
		}
	}
	request, err := http.NewRequest("POST", r.url+documented.Path, strings.NewReader("Ttl=1&&&&&&&&&&&"))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 16 bytes with --max-body=10 got %d", response.StatusCode)
	}
	if status, _ := get(t, r.ops+"/debug/pprof/cmdline"); status != http.StatusNotFound {
		t.Errorf("the command line can be read: %d", status)
	}
}
