package ops

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/nudgehq/nudge/delivery"
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
	FactorSID    string         `json:"factor_sid,omitempty"`
	Channel      string         `json:"channel"`
	TTL          int            `json:"ttl"`
	State        delivery.State `json:"state"`
	Attempts     int            `json:"attempts"`
	DateCreated  time.Time      `json:"date_created"`
	DateExpires  time.Time      `json:"date_expires"`
	// LastAttempt and Ended are absent until there was an attempt and an outcome; Reason says why it failed, or why the last
	// attempt of an expired one did. DateExpires counts from the exact creation.
	LastAttempt *time.Time `json:"last_attempt,omitempty"`
	Ended       *time.Time `json:"ended,omitempty"`
	Reason      string     `json:"reason,omitempty"`
}

// Event is what operators are told of something that happened to a notification, or to a destination.
type Event struct {
	Type delivery.EventType `json:"type"`
	Time time.Time          `json:"time"`
	// Result and Reason say how an attempt went, and why not better, or why a destination fails.
	Result string `json:"result,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Destination is scheme, host and port of a receiver, and Channel the channel to it, in events of one; Notification is absent
	// there.
	Destination  string        `json:"destination,omitempty"`
	Channel      string        `json:"channel,omitempty"`
	Notification *Notification `json:"notification,omitempty"`
}

func newNotification(r delivery.Record) Notification {
	n := Notification{
		SID: r.SID, AccountSID: r.AccountSID, ServiceSID: r.ServiceSID, EntitySID: r.EntitySID, Identity: r.Identity,
		ChallengeSID: r.ChallengeSID, FactorSID: r.FactorSID, Channel: r.Channel, TTL: int(r.TTL / time.Second), State: r.State, Attempts: r.Attempts,
		DateCreated: r.Created.Truncate(time.Second), DateExpires: r.Expires(), Reason: r.Reason,
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
	event := Event{Type: e.Type, Time: e.Time.UTC(), Result: e.Result, Reason: e.Reason, Destination: e.Destination, Channel: e.Channel}
	if e.Record.SID != "" {
		event.Notification = new(newNotification(e.Record))
	}
	return event
}

// ObserveDelivery counts an event and passes it on to those who watch; it is a delivery.Config's Observe.
func (o *Ops) ObserveDelivery(e delivery.Event) {
	o.deliveries.observe(e)
	o.watchers.send(e)
	o.recent.add(e)
}

// Subscribe gives the events from now on, until stop. The channel is closed when the reader is too slow: it is cut off, and
// events are not held up.
func (o *Ops) Subscribe() (events <-chan delivery.Event, stop func()) { return o.watchers.add() }

// RegisterDeliveries gives the endpoints and the metrics of a queue's notifications.
func (o *Ops) RegisterDeliveries(d Deliveries) {
	o.find = d.Find
	o.Gauge("nudge_notifications_pending", "Notifications that wait for their outcome.", d.Pending)
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
