package servertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server/device"
)

// Device is a device that is connected to the server, by the same endpoints that real ones use.
type Device struct {
	base, token string
	received    chan device.Notification
	disconnect  context.CancelFunc
	ended       chan struct{}
}

// patience is how long Next waits for what is on its way over the loopback interface.
const patience = 10 * time.Second

// Device connects a device, and returns when the server knows the connection. It is disconnected when the test ends.
func (s *Server) Device(t testing.TB, serviceSID, identity string) *Device {
	t.Helper()
	token, err := s.key.Token(delivery.Device{ServiceSID: serviceSID, Identity: identity}, time.Now(), 24*time.Hour)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Device{
		base:     s.URL + "/devices/v1/Services/" + serviceSID + "/Entities/" + identity + "/notifications",
		token:    token,
		received: make(chan device.Notification, 100),
		ended:    make(chan struct{}), disconnect: cancel,
	}
	response, err := d.ask(ctx, http.MethodGet, d.base) //nolint:bodyclose // closed where the stream ends
	if err != nil {
		cancel()
		t.Fatalf("servertest: connecting a device: %v", err)
	}
	go func() {
		defer close(d.ended)
		defer func() { _ = response.Body.Close() }()
		for event, err := range sse.Read(response.Body, nil) {
			var n device.Notification
			if err != nil || json.Unmarshal([]byte(event.Data), &n) != nil {
				return
			}
			d.received <- n
		}
	}()
	t.Cleanup(d.Disconnect)
	return d
}

// ask sends a request with the device's token; the answer must be one of 2xx.
func (d *Device) ask(ctx context.Context, method, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		_ = response.Body.Close()
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	return response, nil
}

// Next returns the next notification that arrives; the test fails if none does.
func (d *Device) Next(t testing.TB) device.Notification {
	t.Helper()
	select {
	case n := <-d.received:
		return n
	case <-d.ended:
		t.Fatal("servertest: the device's connection ended")
	case <-time.After(patience):
		t.Fatal("servertest: no notification arrived at the device")
	}
	return device.Notification{}
}

// Acknowledge tells the server that the device has a notification.
func (d *Device) Acknowledge(t testing.TB, sid string) {
	t.Helper()
	response, err := d.ask(context.Background(), http.MethodPost, d.base+"/"+sid+"/ack")
	if err != nil {
		t.Fatalf("servertest: acknowledging %s: %v", sid, err)
	}
	_ = response.Body.Close()
}

// Disconnect ends the connection.
func (d *Device) Disconnect() {
	d.disconnect()
	<-d.ended
}
