// Package ops answers the operators' endpoints, on a listener of their own: a page at /, /healthz, /readyz, /metrics for Prometheus,
// /debug/pprof, /notifications/{sid} for what became of a notification and /events for what happens, as server-sent events;
// and actions, which are POSTs: /store/backup, /devices/revoke, and /clock/advance for tests.
//
// The listener belongs on the loopback interface or a private network. A [Guard] keeps pages of other sites out, and asks
// for a token where there is one.
package ops

import (
	"context"
	"io"
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server"
)

// Ops is the operators' side of one server.
type Ops struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	ready    atomic.Bool
	check    func() error
	guard    Guard

	deliveries deliveryMetrics
	watchers   watchers
	recent     recent
	build      map[string]string
	find       func(ctx context.Context, sid string) (delivery.Record, error)
	actions    map[string]http.HandlerFunc
	done       chan struct{}
	once       sync.Once
}

// New makes the operators' side. It is not ready until SetReady.
func New() *Ops {
	o := &Ops{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_requests_total",
			Help: "Requests answered, by operation, method, HTTP status and error code (0: no error).",
		}, []string{"operation", "method", "status", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "nudge_request_duration_seconds",
			Help:    "Time from a request's headers to the end of its answer, by operation, HTTP status and error code.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}, []string{"operation", "status", "code"}),
	}
	o.done, o.check, o.actions = make(chan struct{}), func() error { return nil }, map[string]http.HandlerFunc{}
	o.deliveries = newDeliveryMetrics(o.registry)
	o.registry.MustRegister(o.requests, o.duration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return o
}

// Observe counts a request; it is a server's Config.Observe.
func (o *Ops) Observe(seen server.Observation) {
	status, code := strconv.Itoa(seen.Status), strconv.Itoa(seen.Code)
	o.requests.WithLabelValues(seen.Operation, seen.Method, status, code).Inc()
	o.duration.WithLabelValues(seen.Operation, status, code).Observe(seen.Duration.Seconds())
}

// RegisterInFlight makes the number of requests in flight a metric.
func (o *Ops) RegisterInFlight(inFlight func() int) {
	o.Gauge("nudge_requests_in_flight", "Requests of the document's operations that are being processed now.", inFlight)
}

// SetReady decides what /readyz answers: 200, or 503 while the server starts or shuts down.
func (o *Ops) SetReady(ready bool) { o.ready.Store(ready) }

// CheckReady has /readyz answer 503 with the error, while there is one.
func (o *Ops) CheckReady(check func() error) { o.check = check }

// problem is why the server is not ready; empty while it is.
func (o *Ops) problem() string {
	if !o.ready.Load() {
		return "not ready"
	}
	if err := o.check(); err != nil {
		return "not ready: " + err.Error()
	}
	return ""
}

// Close ends the streams of events.
func (o *Ops) Close() error {
	o.once.Do(func() { close(o.done) })
	return nil
}

// Handler answers the endpoints.
func (o *Ops) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if problem := o.problem(); problem != "" {
			text(w, http.StatusServiceUnavailable, problem)
			return
		}
		text(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET /{$}", o.servePage)
	mux.HandleFunc("GET /page.css", servePageStyle)
	mux.HandleFunc("GET /notifications/{sid}", o.serveNotification)
	mux.HandleFunc("GET /events", o.serveEvents)
	for path, action := range o.actions {
		mux.HandleFunc("POST "+path, action)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	// Not cmdline: it may hold a token.
	mux.Handle("/debug/pprof/cmdline", http.NotFoundHandler())
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return o.guard.protect(mux)
}

func text(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, line+"\n")
}
