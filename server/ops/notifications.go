package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nudgehq/nudge/server/delivery"
)

// Deliveries is what the operators' endpoints need of the delivery queue.
type Deliveries interface {
	// Find gives what became of a notification; the error is delivery.ErrNotFound when none has this SID.
	Find(ctx context.Context, sid string) (delivery.Record, error)
	// Pending is how many notifications wait for their outcome.
	Pending() int
}

// Notification is what operators are told of a notification.
type Notification struct {
	SID          string         `json:"sid"`
	AccountSID   string         `json:"account_sid"`
	ServiceSID   string         `json:"service_sid"`
	EntitySID    string         `json:"entity_sid"`
	Identity     string         `json:"identity"`
	ChallengeSID string         `json:"challenge_sid"`
	Channel      string         `json:"channel"`
	TTL          int            `json:"ttl"`
	State        delivery.State `json:"state"`
	Attempts     int            `json:"attempts"`
	DateCreated  time.Time      `json:"date_created"`
	DateExpires  time.Time      `json:"date_expires"`
	// LastAttempt and Ended are absent until there was an attempt and an outcome; Reason says why it failed.
	LastAttempt *time.Time `json:"last_attempt,omitempty"`
	Ended       *time.Time `json:"ended,omitempty"`
	Reason      string     `json:"reason,omitempty"`
}

// Event is what operators are told of something that happened to a notification.
type Event struct {
	Type delivery.EventType `json:"type"`
	Time time.Time          `json:"time"`
	// Result and Reason say how an attempt went, and why not better.
	Result       string       `json:"result,omitempty"`
	Reason       string       `json:"reason,omitempty"`
	Notification Notification `json:"notification"`
}

func newNotification(r delivery.Record) Notification {
	n := Notification{
		SID: r.SID, AccountSID: r.AccountSID, ServiceSID: r.ServiceSID, EntitySID: r.EntitySID, Identity: r.Identity,
		ChallengeSID: r.ChallengeSID, Channel: r.Channel, TTL: int(r.TTL / time.Second), State: r.State, Attempts: r.Attempts,
		DateCreated: r.Created, DateExpires: r.Expires(), Reason: r.Reason,
	}
	if !r.LastAttempt.IsZero() {
		n.LastAttempt = &r.LastAttempt
	}
	if !r.Ended.IsZero() {
		n.Ended = &r.Ended
	}
	return n
}

// NewEvent makes the operators' view of an event.
func NewEvent(e delivery.Event) Event {
	return Event{Type: e.Type, Time: e.Time.UTC(), Result: e.Result, Reason: e.Reason, Notification: newNotification(e.Record)}
}

// deliveryMetrics are the metrics of deliveries.
type deliveryMetrics struct {
	attempts *prometheus.CounterVec
	outcomes *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	lag      prometheus.Histogram
}

func newDeliveryMetrics(registry *prometheus.Registry) deliveryMetrics {
	m := deliveryMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_delivery_attempts_total",
			Help: "Attempts to deliver, by channel and result (delivered, sent, waiting, again, gone).",
		}, []string{"channel", "result"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_delivery_outcomes_total",
			Help: "Notifications that ended, by channel and state (delivered, expired, failed).",
		}, []string{"channel", "state"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "nudge_delivery_latency_seconds",
			Help:    "Time from a notification's creation, in whole seconds, to its delivery, by channel.",
			Buckets: []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300},
		}, []string{"channel"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "nudge_expiry_lag_seconds",
			Help:    "Time from the end of a notification's TTL to its expiry.",
			Buckets: []float64{0.001, 0.01, 0.05, 0.1, 0.25, 1, 10},
		}),
	}
	registry.MustRegister(m.attempts, m.outcomes, m.latency, m.lag)
	return m
}

func (m deliveryMetrics) observe(e delivery.Event) {
	channel := e.Record.Channel
	switch e.Type {
	case delivery.EventCreated:
	case delivery.EventAttempted:
		m.attempts.WithLabelValues(channel, e.Result).Inc()
	default:
		m.outcomes.WithLabelValues(channel, string(e.Type)).Inc()
	}
	switch {
	case e.Type == delivery.EventDelivered:
		m.latency.WithLabelValues(channel).Observe(e.Time.Sub(e.Record.Created).Seconds())
	case e.Type == delivery.EventExpired && e.Record.TTL > 0:
		m.lag.Observe(e.Time.Sub(e.Record.Expires()).Seconds())
	}
}

// ObserveDelivery counts an event and passes it on to those who watch; it is a delivery.Config's Observe.
func (o *Ops) ObserveDelivery(e delivery.Event) {
	o.deliveries.observe(e)
	o.watchers.send(e)
}

// Watch gives the events from now on, until stop. The channel is closed when the reader is too slow: it is cut off, and
// events are not held up.
func (o *Ops) Watch() (events <-chan delivery.Event, stop func()) { return o.watchers.add() }

// WatchDeliveries gives the endpoints and the metrics of a queue's notifications.
func (o *Ops) WatchDeliveries(d Deliveries) {
	o.find = d.Find
	o.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "nudge_notifications_pending",
		Help: "Notifications that wait for their outcome.",
	}, func() float64 { return float64(d.Pending()) }))
}

// serveNotification answers what became of one notification.
func (o *Ops) serveNotification(w http.ResponseWriter, r *http.Request) {
	if o.find == nil {
		text(w, http.StatusNotFound, "this server delivers nothing")
		return
	}
	record, err := o.find(r.Context(), r.PathValue("sid"))
	switch {
	case errors.Is(err, delivery.ErrNotFound):
		text(w, http.StatusNotFound, "no notification has this SID, or it ended more than an hour ago")
		return
	case err != nil:
		text(w, http.StatusServiceUnavailable, "the store does not answer")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(newNotification(record))
}

// eventTimeout is how long one event may take to be written.
const eventTimeout = 10 * time.Second

// heartbeat is how often an idle stream says that it is alive.
const heartbeat = 15 * time.Second

// serveEvents streams events as server-sent events.
func (o *Ops) serveEvents(w http.ResponseWriter, r *http.Request) {
	events, stop := o.Watch()
	defer stop()
	control := http.NewResponseController(w)
	write := func(line string) error {
		if err := control.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, line); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
		return control.SetWriteDeadline(time.Time{})
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if write(": connected\n\n") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		line := ": alive\n\n"
		select {
		case <-r.Context().Done():
			return
		case <-o.done:
			return
		case <-beat.C:
		case e, open := <-events:
			if !open {
				return
			}
			data, err := json.Marshal(NewEvent(e))
			if err != nil {
				return
			}
			line = fmt.Sprintf("event: %s\ndata: %s\n\n", e.Type, data)
		}
		if write(line) != nil {
			return
		}
	}
}

// buffered is how many events wait for a watcher that does not read.
const buffered = 4096

// watchers are those who watch events.
type watchers struct {
	mu  sync.Mutex
	all map[chan delivery.Event]bool
}

func (w *watchers) add() (events <-chan delivery.Event, stop func()) {
	c := make(chan delivery.Event, buffered)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[chan delivery.Event]bool{}
	}
	w.all[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.remove(c)
	}
}

// remove closes a watcher's channel, once. The watchers are locked.
func (w *watchers) remove(c chan delivery.Event) {
	if w.all[c] {
		delete(w.all, c)
		close(c)
	}
}

func (w *watchers) send(e delivery.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		select {
		case c <- e:
		default:
			w.remove(c)
		}
	}
}
