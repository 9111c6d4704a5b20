package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nudgehq/nudge/internal/documented"
)

// One address stands in all that is printed and shown, and can be opened, wherever it listens.
func TestAddressesCanBeOpened(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"--addr=0.0.0.0:0", "--addr=[::]:0", "--addr=:0"} {
		r := serve(t, addr, development, "--drain-delay=0s", "--ops-addr="+strings.TrimPrefix(addr, "--addr="))
		status, page := get(t, r.url+"/doc/verify_v2")
		if status != 200 || !strings.HasPrefix(r.url, "http://localhost:") || !strings.Contains(page, r.url+"/doc/verify_v2/mcp") {
			t.Errorf("%s: %s, %d", addr, r.url, status)
		}
		if status, _ := get(t, r.ops+"/healthz"); status != 200 {
			t.Errorf("%s: %s, %d", addr, r.ops, status)
		}
		if strings.Contains(r.stdout.String(), "[::]") || strings.Contains(r.stdout.String(), "0.0.0.0") {
			t.Errorf("%s prints %s", addr, r.stdout)
		}
	}
}

// A balancer is told first, callers later.
func TestDrainDelay(t *testing.T) {
	t.Parallel()
	r := serve(t, "--drain-delay=5s")
	r.stop()
	r.stderr.await(t, "/readyz is 503, requests are still answered")
	if status, _ := get(t, r.ops+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz is %d", status)
	}
	// A renewal hook may come at any time.
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.create(t, "0")
	r.stderr.await(t, "new requests are refused")
	if code := r.end(); code != 0 {
		t.Errorf("exit %d: %s", code, r.stderr)
	}
}

// A renewed certificate is served by itself, and by SIGHUP at once; a pair that does not fit leaves the last good one.
func TestCertificateIsReadAgain(t *testing.T) {
	cert, key, _ := certificate(t)
	files, err := openCertificate(cert, key, plainLogger(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	served := func() []byte {
		c, err := files.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.Raw
	}
	first := served()
	replace := func(from, to string) {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newCert, newKey, _ := certificate(t)
	replace(newCert, cert)
	files.refresh()
	if !bytes.Equal(served(), first) {
		t.Error("a certificate whose key is another's is served")
	}
	replace(newKey, key)
	files.mu.Lock()
	files.looked = time.Time{}
	files.mu.Unlock()
	if bytes.Equal(served(), first) {
		t.Error("the old certificate is still served")
	}
}

func TestHangup(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "accounts.yaml")
	write := func(token string) {
		if err := os.WriteFile(path, []byte("accounts:\n- sid: AC"+strings.Repeat("1", 32)+"\n  tokens: ["+token+"]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		// A time that does not tell the change.
		if err := os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	write("first0token")
	r := serve(t, "--accounts="+path)
	write("other0token")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.stderr.await(t, "file read again")
	code, _, stderr := command("send", "--account=AC"+strings.Repeat("1", 32)+":other0token", "--url="+r.url, target[0], target[1], target[2])
	if code != 0 {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// The operators' listener: by which name it is asked, by which page, and with which token.
func TestOperatorsListenerIsGuarded(t *testing.T) {
	r := serve(t, "--ops-token=ops0token", "--ops-host=ops.example:8081", "--test-clock")
	ask := func(method, path string, header ...string) int {
		request, err := http.NewRequest(method, r.ops+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				request.Host = header[i+1]
			}
			request.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	const token = "Bearer ops0token"
	for _, c := range []struct {
		name   string
		status int
		method string
		path   string
		header []string
	}{
		{name: "with the token", status: 200, method: "GET", path: "/metrics", header: []string{"Authorization", token}},
		{name: "in lower case", status: 200, method: "GET", path: "/metrics", header: []string{"Authorization", "bearer ops0token"}},
		{name: "without", status: 401, method: "GET", path: "/metrics", header: nil},
		{name: "with another", status: 401, method: "GET", path: "/debug/pprof/heap", header: []string{"Authorization", "Bearer x"}},
		{name: "health", status: 200, method: "GET", path: "/healthz", header: []string{"Host", "evil.example"}},
		{name: "by a listed name", status: 200, method: "GET", path: "/metrics", header: []string{"Authorization", token, "Host", "ops.example:8081"}},
		{name: "by another name", status: 403, method: "GET", path: "/metrics", header: []string{"Authorization", token, "Host", "evil.example:8081"}},
		{name: "by a page of another site", status: 403, method: "GET", path: "/metrics", header: []string{"Authorization", token, "Origin", "https://evil.example"}},
		{name: "by an image of one", status: 403, method: "GET", path: "/metrics", header: []string{"Authorization", token, "Sec-Fetch-Site", "cross-site"}},
		{name: "the clock by any page", status: 403, method: "POST", path: "/clock/advance?by=1s", header: []string{"Authorization", token, "Origin", r.ops}},
		{name: "the clock", status: 200, method: "POST", path: "/clock/advance?by=1s", header: []string{"Authorization", token}},
	} {
		if got := ask(c.method, c.path, c.header...); got != c.status {
			t.Errorf("%s: %d, want %d", c.name, got, c.status)
		}
	}
	if code, _, stderr := command("status", "--ops-url="+r.ops, "--ops-token=ops0token", "NT"+strings.Repeat("0", 32)); code != exitFailure || !strings.Contains(stderr, "404") {
		t.Errorf("status with the token: %d %s", code, stderr)
	}
}

// Below a path of a proxy everything works, whether the proxy takes the path off or leaves it.
func TestBelowAPath(t *testing.T) {
	t.Parallel()
	for name, strip := range map[string]bool{"taken off": true, "left": false} {
		t.Run(name, func(t *testing.T) {
			var to *url.URL
			proxy := httptest.NewServer(http.StripPrefix(map[bool]string{true: "/notify"}[strip], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}).ServeHTTP(w, r)
			})))
			defer proxy.Close()
			r := serve(t, "--public-url="+proxy.URL+"/notify", "--mcp-execute")
			to, _ = url.Parse(r.url)
			seen := map[string]bool{}
			queue := []string{"/notify/doc/verify_v2", "/notify/devices"}
			for len(queue) > 0 {
				path := queue[0]
				queue = queue[1:]
				if seen[path] {
					continue
				}
				seen[path] = true
				status, body := get(t, proxy.URL+path)
				if status != http.StatusOK {
					t.Errorf("%s is answered %d", path, status)
				}
				for _, link := range regexp.MustCompile(`(?:href|src|action|data-script|data-markdown)="(/[^"#?]*)`).FindAllStringSubmatch(body, -1) {
					if !strings.HasPrefix(link[1], "/notify/") {
						t.Errorf("%s links to %s", path, link[1])
					}
					queue = append(queue, link[1])
				}
			}
			if len(seen) < 8 {
				t.Errorf("%d pages were seen", len(seen))
			}
			if status, body := get(t, proxy.URL+"/notify/doc/verify_v2/"); status != 200 || !strings.Contains(body, proxy.URL+"/notify/doc/verify_v2/mcp") {
				t.Errorf("behind the redirect of a slash: %d", status)
			}
			code, _, stderr := command(append([]string{"send", "--url=" + proxy.URL + "/notify", development}, target...)...)
			if code != 0 {
				t.Errorf("send: %d %s", code, stderr)
			}
		})
	}
}

// Who tries credentials through the MCP server is counted like any other caller.
func TestAuthenticationFailuresThroughMCP(t *testing.T) {
	r := serve(t, "--mcp-execute", "--max-auth-failures=3", "--trusted-proxy=127.0.0.1/32")
	call := func(token string) string {
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_notification","arguments":{"ServiceSid":"` + documented.ServiceSID + `","Identity":"ff483d1ff591898a9942916050d2ca3f","ChallengeSid":"` + documented.ChallengeSID + `"}}}`
		request, err := http.NewRequest(http.MethodPost, r.url+"/doc/verify_v2/mcp", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(strings.TrimPrefix(strings.Split(development, ":")[0], "--account="), token)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json, text/event-stream")
		request.Header.Set("X-Forwarded-For", "203.0.113.9")
		request.Header.Set("Nudge-Mcp-Caller", "127.0.0.1:1")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		return string(text)
	}
	for range 3 {
		if text := call("wrong"); !strings.Contains(text, "20003") {
			t.Error(text)
		}
	}
	if text := call("dev0token"); !strings.Contains(text, "20429") {
		t.Error(text)
	}
}

// A server that cannot have its address touches no store: a backup that is tried beside its server stays as it is.
func TestTakenAddressLeavesTheStoreAlone(t *testing.T) {
	r := serve(t)
	data := filepath.Join(t.TempDir(), "data")
	code, _, stderr := command("serve", "--addr="+strings.TrimPrefix(r.url, "http://"), "--ops-addr=", "--data="+data)
	if code != exitFailure || !strings.Contains(stderr, "--addr") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}
