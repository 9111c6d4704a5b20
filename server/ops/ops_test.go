package ops_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/ops"
)

func ask(t *testing.T, o *ops.Ops, target string, change func(r *http.Request)) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8081"+target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	o.Handler().ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestReadiness(t *testing.T) {
	o := ops.New()
	var problem error
	o.CheckReady(func() error { return problem })
	if status, _ := ask(t, o, "/readyz", nil); status != 503 {
		t.Errorf("before it is ready: %d", status)
	}
	o.SetReady(true)
	if status, _ := ask(t, o, "/readyz", nil); status != 200 {
		t.Errorf("ready: %d", status)
	}
	problem = errors.New("too little space")
	if status, body := ask(t, o, "/readyz", nil); status != 503 || !strings.Contains(body, "too little space") {
		t.Errorf("with a problem: %d %s", status, body)
	}
	if status, _ := ask(t, o, "/healthz", nil); status != 200 {
		t.Errorf("healthy all the same: %d", status)
	}
}

func TestMetrics(t *testing.T) {
	o := ops.New()
	o.RegisterInFlight(func() int { return 3 })
	o.Counter("nudge_things_total", "Things.", func() int { return 7 })
	o.Observe(server.Observation{Operation: "CreateNotification", Method: "POST", Status: 400, Code: 60200, Duration: time.Millisecond})
	_, body := ask(t, o, "/metrics", nil)
	for _, want := range []string{
		`nudge_requests_total{code="60200",method="POST",operation="CreateNotification",status="400"} 1`,
		"nudge_requests_in_flight 3", "nudge_things_total 7", "process_open_fds",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// What may hold a token, and what changes something, is not there for everybody.
func TestGuard(t *testing.T) {
	o := ops.New()
	o.Protect(ops.Guard{Hosts: []string{"ops.example"}, Token: "opstoken"})
	for _, test := range []struct {
		name   string
		path   string
		change func(r *http.Request)
		status int
	}{
		{name: "without the token", path: "/metrics", status: 401},
		{name: "with another", path: "/metrics", change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer other") }, status: 401},
		{name: "with it", path: "/metrics", change: func(r *http.Request) { r.Header.Set("Authorization", "bearer opstoken") }, status: 200},
		{name: "by a listed name", path: "/metrics", change: func(r *http.Request) { r.Host = "OPS.example"; r.Header.Set("Authorization", "Bearer opstoken") }, status: 200},
		{name: "by another name", path: "/metrics", change: func(r *http.Request) { r.Host = "other.example"; r.Header.Set("Authorization", "Bearer opstoken") }, status: 403},
		{name: "of a page of another site", path: "/metrics", change: func(r *http.Request) {
			r.Header.Set("Origin", "https://other.example")
			r.Header.Set("Authorization", "Bearer opstoken")
		}, status: 403},
		{name: "health", path: "/healthz", change: func(r *http.Request) { r.Host = "other.example" }, status: 200},
		{name: "the command line", path: "/debug/pprof/cmdline", change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer opstoken") }, status: 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status, body := ask(t, o, test.path, test.change); status != test.status {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}
