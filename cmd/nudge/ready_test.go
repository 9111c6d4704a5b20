package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A health check succeeds while the server is ready, and says why it is not.
func TestReady(t *testing.T) {
	r := serve(t)
	if code, text, stderr := command("ready", "--ops-url="+r.ops); code != 0 || text != "ready\n" {
		t.Errorf("%d, %s%s", code, text, stderr)
	}
	r.end()
	if code, _, stderr := command("ready", "--ops-url="+r.ops); code != exitFailure || !strings.Contains(stderr, "refused") {
		t.Errorf("%d, %s", code, stderr)
	}
}

// systemd is told when the server is ready and when it ends.
func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	t.Setenv("NOTIFY_SOCKET", path)
	next := func() string {
		buffer := make([]byte, 100)
		if err := socket.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
	r := serve(t)
	if said := next(); said != "READY=1" {
		t.Errorf("it says %s", said)
	}
	if status, _ := get(t, r.ops+"/readyz"); status != 200 {
		t.Errorf("it is not ready: %d", status)
	}
	r.end()
	if said := next(); said != "STOPPING=1" {
		t.Errorf("it says %s", said)
	}
}
