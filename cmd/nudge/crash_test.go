package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/device"
)

// process is a `nudge serve` of its own, which can be killed.
type process struct {
	command *exec.Cmd
	stdout  *lines
	stderr  *lines
	url     string
}

func startProcess(t *testing.T, binary, data string) *process {
	t.Helper()
	p := &process{command: exec.Command(binary, "serve", "--addr=127.0.0.1:0", "--ops-addr=", "--data="+data), stdout: newLines(), stderr: newLines()}
	p.command.Stdout, p.command.Stderr = p.stdout, p.stderr
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	p.url = p.stdout.await(t, `nudge listens on (\S+)`)[1]
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

func build(t *testing.T) string {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// built builds it once; TestMain removes it.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nudge-test")
	if err != nil {
		return "", err
	}
	builtIn = dir
	binary := filepath.Join(dir, "nudge")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

var builtIn string

func TestMain(m *testing.M) {
	code := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// Every notification that was answered 201 is delivered after any number of kill -9 under load.
func TestNothingIsLostByKill9(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds and kills processes")
	}
	const rounds, perRound, devices = 20, 60, 40
	binary, data := build(t), t.TempDir()
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	for range rounds {
		p := startProcess(t, binary, data)
		c, err := client.New(client.WithBaseURL(p.url), client.WithBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken))
		if err != nil {
			t.Fatal(err)
		}
		enough := make(chan bool, 1)
		count := 0
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for i := worker; ; i++ {
					n, err := c.CreateNotification(t.Context(), client.Challenge{
						ServiceSID: documented.ServiceSID, Identity: fmt.Sprintf("device-%04d", i%devices), SID: documented.ChallengeSID,
					}, api.CreateNotificationRequest{Ttl: new(documented.MaxTTL)})
					if err != nil {
						return
					}
					mu.Lock()
					acknowledged[*n.Sid] = true
					if count++; count == perRound {
						enough <- true
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		p.kill()
		group.Wait()
	}

	p := startProcess(t, binary, data)
	defer p.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	missing := len(acknowledged)
	var group sync.WaitGroup
	for i := range devices {
		group.Go(func() {
			received := writer(func(line []byte) {
				var n device.Notification
				if err := json.Unmarshal(line, &n); err != nil {
					t.Errorf("%s: %v", line, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if acknowledged[n.Sid] {
					delete(acknowledged, n.Sid)
					if missing--; missing == 0 {
						cancel()
					}
				}
			})
			run(ctx, []string{
				"device", "--url=" + p.url, "--data=" + data, "--service=" + documented.ServiceSID, fmt.Sprintf("--identity=device-%04d", i),
			}, received, writer(func([]byte) {}))
		})
	}
	group.Wait()
	if missing > 0 {
		t.Errorf("%d notifications were answered 201 and never arrived", missing)
	}
}

// The second signal ends the process at once, whatever is in flight.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	p := startProcess(t, build(t), t.TempDir())
	defer p.kill()
	stderr := p.stderr
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request := http.Request{Header: http.Header{}}
	request.SetBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken)
	head := "POST " + documented.Path + " HTTP/1.1\r\n" +
		"Host: x\r\nAuthorization: " + request.Header.Get("Authorization") + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		stderr.await(t, "shutting down.*in_flight=1")
	}
	var exit *exec.ExitError
	if err := p.command.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, want the signal", err)
	}
}

// writer calls itself for each write.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestSecondServerOnOneDataDirectory(t *testing.T) {
	data := t.TempDir()
	serve(t, "--data="+data)
	code, _, stderr := command("serve", "--addr=127.0.0.1:0", "--ops-addr=", "--data="+data)
	if code != exitFailure || !strings.Contains(stderr, data) || !strings.Contains(stderr, "in use") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// A notification that was created while the device was away arrives when it connects.
func TestDeviceInTheTerminal(t *testing.T) {
	data := t.TempDir()
	r := serve(t, "--data="+data)
	if code, _, stderr := command(append([]string{"send", "--url=" + r.url, development}, target...)...); code != 0 {
		t.Fatal(stderr)
	}
	_, token, _ := command("device-token", "--data="+data, target[0], target[1])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout := newLines()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"device", "--url=" + r.url, target[0], target[1], "--token=" + strings.TrimSpace(token)}, stdout, newLines())
	}()
	stdout.await(t, `"type":"verify_push_challenge"`)
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	nowhere := filepath.Join(t.TempDir(), "typo")
	if code, _, stderr := command("device-token", "--data="+nowhere, target[0], target[1]); code != exitFailure || !strings.Contains(stderr, nowhere) {
		t.Errorf("no such data directory: exit %d, %s", code, stderr)
	}
	code, _, stderr := command("device", "--url="+r.url, target[0], "--identity=another-device", "--token="+strings.TrimSpace(token))
	if code != exitFailure || !strings.Contains(stderr, "401") {
		t.Errorf("another device's token: exit %d, %s", code, stderr)
	}
}
