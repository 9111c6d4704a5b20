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

// The types of events of a destination: attempts to reach it fail, so that one at a time probes it, and the first one that
// it takes ends that.
const (
	EventDestinationFails EventType = "destination_fails"
	EventDestinationWorks EventType = "destination_works"
)

// The types of events that tell an operator of what is not as it should be: an address is dead, or a channel's provider does not
// take this server's credentials or settings, and takes them again.
const (
	EventAddressDead         EventType = "address_dead"
	EventCredentialsRefused  EventType = "credentials_refused"
	EventCredentialsAccepted EventType = "credentials_accepted"
)

// Event is something that happened to a notification, or to a destination.
type Event struct {
	Type EventType
	// Time is when.
	Time time.Time
	// Record is the notification as it is after the event; zero for the event of a destination.
	Record Record
	// Destination is what the event of a destination is about, as DestinationOf names it, and Channel the channel that sends there.
	Destination, Channel string
	// Result and Reason say how an attempt went, and why not better, or why a destination fails; empty for other events.
	Result, Reason string
}
