package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server/accounts"
)

// lines is what a command writes while it runs; a test waits for a line of it.
type lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await returns the first match's groups, once there is one.
func (l *lines) await(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(30 * time.Second)
	for {
		if match := re.FindStringSubmatch(l.String()); match != nil {
			return match
		}
		select {
		case <-l.changed:
		case <-timeout:
			t.Fatalf("no %s in %s", pattern, l.String())
		}
	}
}

// running is a `nudge serve` in this process.
type running struct {
	url, ops       string
	stdout, stderr *lines
	stop           context.CancelFunc
	exit           chan int
}

func serve(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stdout: newLines(), stderr: newLines(), stop: stop, exit: make(chan int, 1)}
	go func() {
		r.exit <- run(ctx, append([]string{"serve", "--addr=127.0.0.1:0", "--ops-addr=127.0.0.1:0", "--data=" + t.TempDir()}, args...), r.stdout, r.stderr)
	}()
	t.Cleanup(func() {
		stop()
		<-r.exit
	})
	if strings.Contains(strings.Join(args, " "), "--log-format=json") || os.Getenv("NUDGE_LOG_FORMAT") == "json" {
		found := r.stderr.await(t, `"url":"([^"]+)".*"ops_url":"([^"]+)"`)
		r.url, r.ops = found[1], found[2]
		return r
	}
	r.url = r.stdout.await(t, `nudge listens on (\S+)`)[1]
	r.ops = r.stdout.await(t, `operators: (\S+)/healthz`)[1]
	return r
}

// end stops the server as a signal does and gives its exit code.
func (r *running) end() int {
	r.stop()
	code := <-r.exit
	r.exit <- code
	return code
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func command(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	// A command that should have ended does not hang the tests.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	code = run(ctx, args, &out, &err)
	return code, out.String(), err.String()
}

var target = []string{
	"--service=" + documented.ServiceSID, "--identity=ff483d1ff591898a9942916050d2ca3f", "--challenge=" + documented.ChallengeSID,
}

const development = "--account=" + accounts.DevelopmentSID + ":" + accounts.DevelopmentToken
