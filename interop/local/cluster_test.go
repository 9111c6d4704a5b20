// It builds two programs and runs five processes: make chaos runs it, and not make test.

//go:build cluster

package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nudgehq/nudge/interop/local"
)

const (
	service    = "VA00000000000000000000000000000001"
	challenge  = "YC00000000000000000000000000000001"
	account    = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	challenges = `challenges:
  - {account_sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, service_sid: ` + service + `, identity: alice001, challenge_sid: ` + challenge + `}
  - {account_sid: ` + account + `, service_sid: ` + service + `, identity: bobby001, challenge_sid: ` + challenge + `}
`
	accounts = `accounts:
  - {sid: ` + account + `, tokens: [a-token-that-is-put]}
`
)

// creation tries to create a notification, and gives its SID and the status.
func creation(t *testing.T, base, credentials, identity string) (sid string, status int) {
	t.Helper()
	target := local.Target{URL: base, Credentials: credentials, Service: service, Identity: identity, Challenge: challenge}
	sid, status, err := target.Create(t.Context(), http.DefaultClient, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return sid, status
}

// created counts what was created, also while a node had not heard yet that it must refuse.
var created int

// becomes creates until the answer has a status: what is put is there at once, and each node is told within a moment.
func becomes(t *testing.T, base, credentials, identity string, want int) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		sid, status := creation(t, base, credentials, identity)
		if status == http.StatusCreated {
			created++
		}
		if status == want {
			return sid
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%s as %s: %d, want %d", identity, credentials[:8], status, want)
		}
	}
}

// Challenges and accounts are put into the store, and known to every node; what is pending moves to a directory, and is pending there.
func TestDirectoriesAndMigration(t *testing.T) {
	created = 0
	dir := t.TempDir()
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Start(t.Context(), local.Options{Dir: dir, Module: module, Nodes: 2, Flags: []string{"--challenges", "nats", "--accounts", "nats"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	nudge := func(want int, args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, c.Program, args...)
		command.Env = append(os.Environ(), "NUDGE_STORE="+c.OperatorStore)
		out, err := command.CombinedOutput()
		if code := command.ProcessState.ExitCode(); code != want {
			t.Fatalf("nudge %s: %d, %v: %s", strings.Join(args, " "), code, err, out)
		}
		return string(out)
	}
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	first, second := c.Nodes[0].URL, c.Nodes[1].URL
	if _, status := creation(t, first, local.Account, "alice001"); status != http.StatusNotFound {
		t.Errorf("before it is put: %d", status)
	}
	challengesFile, accountsFile := write("challenges.yaml", challenges), write("accounts.yaml", accounts)
	if out := nudge(0, "challenges", "put", challengesFile); out != "2 challenges put\n" {
		t.Error(out)
	}
	sid := becomes(t, first, local.Account, "alice001", http.StatusCreated)
	becomes(t, second, local.Account, "alice001", http.StatusCreated)
	if _, status := creation(t, second, account+":a-token-that-is-put", "bobby001"); status != http.StatusUnauthorized {
		t.Errorf("an account that is not put: %d", status)
	}
	nudge(0, "accounts", "put", accountsFile)
	becomes(t, second, account+":a-token-that-is-put", "bobby001", http.StatusCreated)
	if out := nudge(0, "accounts", "get"); strings.Contains(out, "a-token") || !strings.Contains(out, "sha256:") {
		t.Errorf("accounts are printed as %s", out)
	}
	// What is printed can be put.
	write("challenges.yaml", nudge(0, "challenges", "get", challenge))
	nudge(0, "challenges", "put", challengesFile)
	nudge(2, "challenges", "put", accountsFile)
	nudge(1, "challenges", "rm", "YC00000000000000000000000000000009")
	if out := nudge(1, "challenges", "put", challengesFile, "--store", c.Store); !strings.Contains(out, "lacks a right") {
		t.Errorf("a node's user may not write there: %s", out)
	}
	nudge(1, "challenges", "get", "--store", c.OperatorStore, "--nats-prefix", "other")
	nudge(2, "migrate", "--from", dir, "--to", c.OperatorStore)
	nudge(0, "accounts", "rm", account)
	becomes(t, first, account+":a-token-that-is-put", "bobby001", http.StatusUnauthorized)
	nudge(0, "challenges", "rm", challenge)
	becomes(t, second, local.Account, "alice001", http.StatusNotFound)

	to := filepath.Join(dir, "moved")
	if out := nudge(1, "migrate", "--from", c.OperatorStore, "--to", to); !strings.Contains(out, "have to be stopped") {
		t.Errorf("nodes run: %s", out)
	}
	for _, n := range c.Nodes {
		n.Stop(syscall.SIGTERM)
	}
	all := fmt.Sprintf(`{"pending":%d,"ended":0,"revoked_devices":0,"dead_addresses":0,"expired":0,"already_there":0}`+"\n", created)
	if out := nudge(0, "migrate", "--from", c.OperatorStore, "--to", to); !strings.HasSuffix(out, all) {
		t.Errorf("moved: %s", out)
	}
	if state := stateOf(t, c.Program, to, sid); state != "pending" {
		t.Errorf("after the move it is %s", state)
	}
	if out := nudge(0, "migrate", "--from", to, "--to", c.OperatorStore); !strings.HasSuffix(out, all) {
		t.Errorf("moved back: %s", out)
	}
	if state := stateOf(t, c.Program, to, sid); state != "failed" {
		t.Errorf("where it was moved from it is %s", state)
	}
}

// stateOf asks a server over a directory for a notification's state.
func stateOf(t *testing.T, program, dir, sid string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0", "--data", dir)
	lines, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	}()
	var said strings.Builder
	operators := regexp.MustCompile(`operators: (http://127\.0\.0\.1:\d+)`)
	buffer := make([]byte, 4096)
	for !operators.MatchString(said.String()) {
		n, err := lines.Read(buffer)
		if err != nil {
			t.Fatalf("%v: %s", err, said.String())
		}
		said.Write(buffer[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	response, err := http.Get(operators.FindStringSubmatch(said.String())[1] + "/notifications/" + sid) //nolint:noctx // A test's own server.
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var record struct{ State string }
	if err := json.NewDecoder(response.Body).Decode(&record); err != nil {
		t.Fatal(err)
	}
	return record.State
}
