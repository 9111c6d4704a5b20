package ops_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server/ops"
)

// shownText is what the page says.
func shownText(t *testing.T, o *ops.Ops) string {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "127.0.0.1:8081"
	o.Handler().ServeHTTP(w, r)
	if policy := w.Header().Get("Content-Security-Policy"); w.Code != 200 || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Fatalf("%d, %s", w.Code, policy)
	}
	root, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(strings.Join(strings.Fields(n.Data), " ") + " ")
		}
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "img") {
			t.Errorf("the page has an element %s", n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestPage(t *testing.T) {
	o := ops.New()
	o.BuildInfo(map[string]string{"version": "v1.2.3", "document": "4.5.6"})
	o.Gauge("nudge_notifications_pending", "Pending.", func() int { return 42 })
	o.GaugeBy("nudge_channel_destinations_failing", "Failing.", "channel", func() map[string]int { return map[string]int{"webhook": 3} })
	if text := shownText(t, o); !strings.Contains(text, "not ready") || !strings.Contains(text, "v1.2.3, document 4.5.6") || !strings.Contains(text, "Last failures None.") {
		t.Error(text)
	}
	o.SetReady(true)
	record := delivery.Record{Notification: delivery.Notification{SID: "NT1", Device: delivery.Device{Identity: "<b>alice</b>"}, Channel: "webhook", Created: time.Now()}}
	for _, kind := range []delivery.EventType{delivery.EventCreated, delivery.EventCreated, delivery.EventDelivered} {
		o.ObserveDelivery(delivery.Event{Type: kind, Time: time.Now(), Record: record})
	}
	record.State = delivery.Failed
	for i := range 25 {
		o.ObserveDelivery(delivery.Event{Type: delivery.EventFailed, Time: time.Now(), Record: record, Reason: fmt.Sprintf("why %d.", i)})
	}
	o.ObserveDelivery(delivery.Event{Type: delivery.EventDestinationFails, Time: time.Now(), Destination: "https://far.example", Channel: "webhook", Reason: "500"})
	text := shownText(t, o)
	for _, want := range []string{"nudge ready v1.2.3", "pending 42", "created 2", "delivered 1", "failed 25", "webhook 0 1 0 25 3", "destination_fails https://far.example webhook 500", "<b>alice</b>", "why 24.", "why 6.", "metrics events healthz readyz pprof"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q: %s", want, text)
		}
	}
	if strings.Contains(text, "why 5.") || strings.Contains(text, "Cluster") {
		t.Errorf("the page has too much: %s", text)
	}
	o.Gauge("nudge_nodes_alive", "Nodes.", func() int { return 3 })
	o.CheckReady(func() error { return errors.New("the disk is full") })
	if text := shownText(t, o); !strings.Contains(text, "not ready: the disk is full") || !strings.Contains(text, "Cluster nodes alive 3") {
		t.Error(text)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/page.css", nil)
	r.Host = "127.0.0.1:8081"
	if o.Handler().ServeHTTP(w, r); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	r = httptest.NewRequest("GET", "/", nil)
	r.Host = "far.example"
	if o.Handler().ServeHTTP(w, r); w.Code != 403 {
		t.Errorf("another name is answered with %d", w.Code)
	}
}
