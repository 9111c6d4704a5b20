package device_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/server/device"
)

// pushes keeps what is subscribed.
type pushes struct {
	key  string
	kept map[delivery.Device]string
}

func (p *pushes) Key() string { return p.key }

func (p *pushes) Subscribe(d delivery.Device, subscription string) error {
	if strings.Contains(subscription, "bad") {
		return errors.New("the endpoint is bad")
	}
	p.kept[d] = subscription
	return nil
}

func (p *pushes) Unsubscribe(d delivery.Device) { delete(p.kept, d) }

func TestSubscriptions(t *testing.T) {
	key, err := device.NewKey(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	p := &pushes{key: "BPublic", kept: map[delivery.Device]string{}}
	h, err := device.New(device.Config{Queue: struct{ device.Queue }{}, Hub: &stream.Hub{}, Keys: device.FixedKeys(key), Push: p})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	d := deliverytest.Notification(1).Device
	token, err := key.Token(d, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, token, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(request)
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
	path := "/devices/v1/Services/" + d.ServiceSID + "/Entities/" + d.Identity + "/subscription"
	good := `{"endpoint":"https://push.example/1","expirationTime":null,"keys":{"p256dh":"B","auth":"a"}}`
	if status, body := ask("GET", "/devices/v1/push", "", ""); status != 200 || strings.TrimSpace(body) != `{"public_key":"BPublic"}` {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range []struct {
		method, token, body string
		status              int
	}{
		{"PUT", "", good, 401},
		{"PUT", token, "s3cr3t", 400},
		{"PUT", token, strings.Repeat(" ", 10_000) + good, 400},
		{"PUT", token, strings.Replace(good, "push", "bad", 1), 400},
		{"PUT", token, good, 204},
	} {
		status, body := ask(c.method, path, c.token, c.body)
		if status != c.status || strings.Contains(body, "s3cr3t") {
			t.Errorf("%.30q: %d %s, want %d", c.body, status, body, c.status)
		}
		if status == 400 {
			var refused struct{ Code int }
			if err := json.Unmarshal([]byte(body), &refused); err != nil || refused.Code != 20001 {
				t.Errorf("%s: %v", body, err)
			}
		}
	}
	if p.kept[d] != good || len(p.kept) != 1 {
		t.Errorf("kept %v", p.kept)
	}
	if status, body := ask("DELETE", path, token, ""); status != 204 || len(p.kept) != 0 {
		t.Errorf("%d %s", status, body)
	}
	p.key = ""
	if status, body := ask("GET", "/devices/v1/push", "", ""); status != 200 || strings.TrimSpace(body) != `{}` {
		t.Errorf("without Web Push: %d %s", status, body)
	}
	if status, _ := ask("PUT", path, token, good); status != 404 {
		t.Errorf("without Web Push: %d", status)
	}
	for _, name := range []string{"device.js", "worker.js"} {
		if status, body := ask("GET", "/devices/"+name, "", ""); status != 200 || !strings.HasPrefix(body, "// ") {
			t.Errorf("%s: %d", name, status)
		}
	}
}
