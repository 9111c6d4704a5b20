package delivery

import "time"

// EventType is what happened to a notification.
type EventType string

// The types of events. Each notification has one created event, an attempted event for each attempt, and one of the
// last three, which is its final state.
const (
	EventCreated   EventType = "created"
	EventAttempted EventType = "attempted"
	EventDelivered EventType = "delivered"
	EventExpired   EventType = "expired"
	EventFailed    EventType = "failed"
)

// Event is something that happened to a notification.
type Event struct {
	Type EventType
	// Time is when.
	Time time.Time
	// Record is the notification as it is after the event.
	Record Record
	// Result and Reason say how an attempt went, and why not better; empty for other events.
	Result, Reason string
}
