package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/mutant"
)

const mutantAccount = "--account=" + mutant.Username + ":" + mutant.Password

func mutantServer(t *testing.T, defect string) (url string) {
	t.Helper()
	s := httptest.NewServer(mutant.New(defect))
	t.Cleanup(s.Close)
	return "--url=" + s.URL
}

func TestContract(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := command("contract", mutantServer(t, ""), mutantAccount)
	if code != 0 || !strings.Contains(stdout, " 0 failed") || stderr != "" {
		t.Errorf("a correct server: %d %s %s", code, stdout, stderr)
	}
	dir := t.TempDir()
	junit, report := filepath.Join(dir, "junit.xml"), filepath.Join(dir, "report.json")
	code, stdout, stderr = command("contract", "run", mutantServer(t, "accepts a Ttl above its maximum"), mutantAccount, "--junit="+junit, "--json="+report)
	if code != exitFailure || !strings.Contains(stdout, "one above its maximum") || !strings.Contains(stderr, "does not keep the contract") {
		t.Errorf("a wrong server: %d %s %s", code, stdout, stderr)
	}
	for path, want := range map[string]string{junit: `failures="1"`, report: `"failed": 1,`} {
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), want) || strings.Contains(string(data), mutant.Password) {
			t.Errorf("%s: %v %.300s", path, err, data)
		}
	}
	if code, stdout, _ := command("contract", mutantServer(t, "accepts a Ttl above its maximum"), mutantAccount, "--only=one above its maximum", "--json=-"); code != exitFailure || !json.Valid([]byte(stdout)) {
		t.Errorf("as JSON: %d %s", code, stdout)
	}
	spec := filepath.Join(dir, "openapi.yaml")
	if err := os.WriteFile(spec, []byte(strings.Replace(string(nudge.OpenAPI), fmt.Sprintf("maximum: %d\n", documented.MaxTTL), fmt.Sprintf("maximum: %d\n", documented.MaxTTL+1), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := command("contract", mutantServer(t, "accepts a Ttl above its maximum"), mutantAccount, "--spec="+spec); code != 0 {
		t.Errorf("by a document that allows it: %d %s", code, stdout)
	}
	if code, stdout, _ := command("contract", "--dry-run", mutantAccount); code != 0 || !strings.Contains(stdout, ", one above its maximum, is refused\n\topenapi.yaml:") {
		t.Errorf("a dry run: %d %.300s", code, stdout)
	}
}

func TestContractMisuse(t *testing.T) {
	for _, args := range [][]string{
		{"contract"}, {"contract", "--url=nowhere", mutantAccount}, {"contract", "--url=http://127.0.0.1:1"}, {"contract", "--url=http://127.0.0.1:1", "--account=x"},
		{"contract", "--url=http://127.0.0.1:1", mutantAccount, "--spec=nothing.yaml"}, {"contract", "--url=http://127.0.0.1:1", mutantAccount, "--only=("},
		{"contract", "--url=http://127.0.0.1:1", mutantAccount, "--junit=/nothing/junit.xml"}, {"contract", "--url=http://127.0.0.1:1", mutantAccount, "--fixture=Nope=1"},
		{"contract", "--url=http://127.0.0.1:1", mutantAccount, "--tolerate=200"}, {"contract", "--url=http://127.0.0.1:1", mutantAccount, "--header=x"},
		{"contract", "proxy"}, {"contract", "proxy", "--to=nowhere"},
	} {
		if code, _, stderr := command(args...); code != exitUsage || stderr == "" || strings.Contains(stderr, mutant.Password) {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
	// Nobody is there, or the credentials are wrong: that is a failure, and said once. Builds call their version NUDGE_VERSION.
	t.Setenv("NUDGE_VERSION", "1")
	for says, args := range map[string][]string{
		"there is no answer": {"contract", "--url=http://127.0.0.1:1", mutantAccount},
		"answered 401":       {"contract", mutantServer(t, ""), "--account=" + mutant.Username + ":wrong"},
	} {
		code, stdout, _ := command(args...)
		if code != exitFailure || strings.Count(stdout, says) != 1 || !regexp.MustCompile(`0 cases passed, 1 failed, \d+ skipped`).MatchString(stdout) {
			t.Errorf("%v: %d %s", args, code, stdout)
		}
	}
}

func TestContractProxy(t *testing.T) {
	for body, want := range map[string]struct {
		code int
		says string
	}{"Ttl=150": {code: 0}, fmt.Sprint("Ttl=", documented.MaxTTL+1): {code: exitFailure, says: "caller  POST "}} {
		server := httptest.NewServer(mutant.New(""))
		defer server.Close()
		junit, report := filepath.Join(t.TempDir(), "junit.xml"), filepath.Join(t.TempDir(), "report.json")
		ctx, stop := context.WithCancel(t.Context())
		stdout, stderr, exit := newLines(), newLines(), make(chan int, 1)
		go func() {
			exit <- run(ctx, []string{"contract", "proxy", "--to=" + server.URL, "--addr=127.0.0.1:0", "--junit=" + junit, "--json=" + report}, stdout, stderr)
		}()
		address := stderr.await(t, `takes requests on (http://\S+)`)[1]
		r, err := http.NewRequest(http.MethodPost, address+documented.Path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(mutant.Username, mutant.Password)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if want.says != "" {
			stdout.await(t, want.says)
		}
		stop()
		if code := <-exit; code != want.code {
			t.Errorf("%s: exit code %d, not %d", body, code, want.code)
		}
		failures, violations := map[bool]string{false: `failures="0"`, true: `failures="`}[want.says != ""], map[bool]string{false: `"violations": []`, true: `"by": "caller"`}[want.says != ""]
		for path, says := range map[string]string{junit: failures, report: violations} {
			data, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(data), says) || strings.Contains(string(data), `failures="0"`) != (path == junit && want.says == "") {
				t.Errorf("%s: %s: %v %s", body, filepath.Base(path), err, data)
			}
		}
	}
}

// What prepares the server runs before the first case, with the run's own credentials; what fails to ends it.
func TestContractSetup(t *testing.T) {
	var first, authorization atomic.Value
	correct := mutant.New("")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first.CompareAndSwap(nil, r.Method+" "+r.URL.Path) {
			authorization.Store(r.Header.Get("Authorization"))
		}
		if r.URL.Path != "/reset" {
			correct.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	some := []string{"contract", "--url=" + server.URL, mutantAccount, "--max-cases=5"}
	if code, stdout, stderr := command(append(some, "--setup=POST /reset")...); code != 0 || first.Load() != "POST /reset" || !strings.HasPrefix(fmt.Sprint(authorization.Load()), "Basic ") {
		t.Errorf("%d %s %s; first came %v with %v", code, stdout, stderr, first.Load(), authorization.Load())
	}
	made := filepath.Join(t.TempDir(), "made")
	if code, _, stderr := command(append(some, "--setup=echo prepared >"+made)...); code != 0 {
		t.Errorf("a command: %d %s", code, stderr)
	}
	if data, err := os.ReadFile(made); err != nil || string(data) != "prepared\n" {
		t.Errorf("the command made %q, %v", data, err)
	}
	for _, wrong := range []string{"exit 3", "POST /nothing"} {
		if code, stdout, stderr := command(append(some, "--setup="+wrong)...); code != exitUsage || stdout != "" || !strings.Contains(stderr, "--setup: ") {
			t.Errorf("%s: %d %s %s", wrong, code, stdout, stderr)
		}
	}
}
