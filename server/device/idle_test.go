package device_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/server/device"
)

// Over HTTP/2 a stream's deadline ends it even when nothing is being written: an idle device must stay connected for
// longer than one write, and than one answer of the server, may take.
func TestIdleDeviceStaysConnected(t *testing.T) {
	for name, version := range map[string]func(*http.Protocols, bool){
		"HTTP/1.1": (*http.Protocols).SetHTTP1, "HTTP/2": (*http.Protocols).SetUnencryptedHTTP2,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { idle(t, version) })
		})
	}
}

// idle reads heartbeats for an hour of the bubble's time, with nothing between them.
func idle(t *testing.T, version func(*http.Protocols, bool)) {
	d := deliverytest.Notification(0).Device
	hub := &stream.Hub{}
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{Store: memstore.New(), Channels: map[string]delivery.Channel{"stream": hub}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := device.New(device.Config{Queue: queue, Hub: hub, Keys: device.FixedKeys(device.Key(key))})
	if err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	version(&protocols, true)
	connections := pipes(make(chan net.Conn))
	server := &http.Server{Handler: h.Mount(http.NotFoundHandler()), Protocols: &protocols, ReadTimeout: time.Minute, WriteTimeout: 30 * time.Second}
	go func() { _ = server.Serve(connections) }()
	transport := &http.Transport{Protocols: &protocols, DialContext: connections.dial}
	defer func() {
		_ = h.Close()
		transport.CloseIdleConnections()
		_ = server.Close()
		_ = queue.Close()
	}()

	text, err := device.Key(key).Token(d, time.Now(), 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://nudge.test"+path(d), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+text)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	connected := time.Now()
	for lines := bufio.NewScanner(response.Body); time.Since(connected) < time.Hour; {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %v: %v", time.Since(connected), lines.Err())
		}
		if text := lines.Text(); text != "" && !strings.HasPrefix(text, ":") && !strings.HasPrefix(text, "retry:") {
			t.Fatalf("got %q", text)
		}
	}
}

// pipes is a listener whose connections are in memory, so that a bubble's time passes while they are idle.
type pipes chan net.Conn

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
