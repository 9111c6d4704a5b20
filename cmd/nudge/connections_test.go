package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// Who takes all connections makes others wait, and takes no file from the store; the next one is served when one ends.
func TestConnectionsAreBounded(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 10)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") }),
		ConnState: func(c net.Conn, s http.ConnState) {
			if s == http.StateNew {
				accepted <- c
			}
		},
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(bound(plain, 2, slog.New(slog.DiscardHandler))) }()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	first, _ := dial(), dial()
	<-accepted
	<-accepted
	third := dial()
	if _, err := io.WriteString(third, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = third.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := third.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a third connection was served: %d bytes, %v", n, err)
	}
	_ = third.SetReadDeadline(time.Time{})
	_ = first.Close()
	if answer, err := io.ReadAll(third); err != nil || len(answer) == 0 {
		t.Errorf("after one had ended: %q, %v", answer, err)
	}
	// It ends though it waits for a place.
	dial()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestMaxConnections(t *testing.T) {
	for _, test := range []struct {
		files uint64
		want  int
	}{{files: 0, want: 0}, {files: 1024, want: 512}, {files: 4096, want: 2048}, {files: 65536, want: 62536}, {files: 1 << 63, want: 1 << 30}} {
		if got := maxConnections(test.files); got != test.want {
			t.Errorf("of %d files: %d connections, want %d", test.files, got, test.want)
		}
	}
}
