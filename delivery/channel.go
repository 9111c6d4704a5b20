package delivery

import (
	"context"
	"time"
)

// Channel is a way to devices. It is used by many goroutines at once. Package deliverytest holds every Channel to this
// contract.
type Channel interface {
	// Deliver makes one attempt and says how it went. It returns soon after ctx is done, which is at the latest when
	// the notification expires. It tells the device the remaining time, not the TTL.
	Deliver(ctx context.Context, a Attempt) Result
}

// Presence is a Channel that knows which devices are connected. After a restart it is asked, so that not every device
// that is offline costs an attempt.
type Presence interface {
	Channel
	// Present tells whether an attempt makes sense before the device's queue is woken.
	Present(d Device) bool
}

// Provider is a Channel behind which somebody's service stands that reaches many devices, such as Apple's.
type Provider interface {
	Channel
	// Destination names the service that an address depends on, as scheme, host and port: attempts to it take turns with those
	// to others, and it has a breaker of its own. It is empty where that is not known. A channel that names one for the empty address has
	// no other.
	Destination(address string) string
	// AddressKey is what an address is remembered by when it is Dead. It holds the settings too that decide whether an address is
	// good, such as the app's: where these change, the address may be good again.
	AddressKey(address string) string
}

// Attempt is one attempt to deliver a notification.
type Attempt struct {
	Notification
	// Number counts the attempts, from 1.
	Number int
	// Remaining is how long the notification is still valid as the attempt begins; 0 for one with a TTL of 0.
	Remaining time.Duration

	time     *timeline
	deadline moment
}

// Left is how long the attempt is still valid now, by elapsed time; for a TTL of 0 that is what is left of the attempt's
// own time. It is 0 or less when nothing may be sent any more.
func (a Attempt) Left() time.Duration {
	if a.time == nil {
		return max(a.Remaining, time.Duration(1))
	}
	return a.deadline.sub(a.time.now())
}

// Result is how an attempt went. Make one with Done, Again, Refused, Denied, Gone, Impossible, Dead, Sent or Waiting.
type Result struct {
	kind   resultKind
	after  time.Duration
	reason string
	// refused means that the destination works and did not take this one, dead that its address takes none any more, denied that the
	// destination does not take this server's credentials or settings, and unasked that nothing was asked of it.
	refused, dead, denied, unasked bool
	// deadSince is since when the address is dead, where that is known.
	deadSince time.Time
}

type resultKind int

const (
	resultAgain resultKind = iota
	resultDone
	resultGone
	resultSent
	resultWaiting
)

// Done means that the device has the notification.
func Done() Result { return Result{kind: resultDone} }

// Again means that the attempt failed and another may not: not before the time after, 0 for no wish. The reason is for
// operators; the same failure has the same reason each time. A destination of which this is said several times in a row
// is probed by one attempt at a time.
func Again(after time.Duration, reason string) Result {
	return Result{kind: resultAgain, after: after, reason: reason}
}

// Refused is Again where the destination works: it did not take this notification, and may take others.
func Refused(after time.Duration, reason string) Result {
	return Result{kind: resultAgain, after: after, reason: reason, refused: true}
}

// Denied is Again where the destination does not take this server's credentials or settings: an operator has to do something.
func Denied(after time.Duration, reason string) Result {
	return Result{kind: resultAgain, after: after, reason: reason, denied: true}
}

// OfOne says of a Denied result that the destination may take others.
func (r Result) OfOne() Result {
	r.refused = true
	return r
}

// Gone means that no attempt will succeed, and why.
func Gone(reason string) Result { return Result{kind: resultGone, reason: reason} }

// Impossible is Gone where nothing was asked of the destination, so that nothing is known of it.
func Impossible(reason string) Result { return Result{kind: resultGone, reason: reason, unasked: true} }

// Missing is Again where nothing was asked of the destination, because this server cannot: what is lacking may come.
func Missing(reason string) Result {
	return Result{kind: resultAgain, reason: reason, unasked: true}
}

// Dead is Gone where nothing else will arrive at the address either: it is remembered, and nothing is sent there any more.
func Dead(reason string) Result { return Result{kind: resultGone, reason: reason, dead: true} }

// Since says of a Dead result when that was found out; without it, as the attempt began.
func (r Result) Since(at time.Time) Result {
	r.deadSince = at
	return r
}

// Sent means that the device was sent the notification and has to acknowledge it; the channel then calls
// Queue.Acknowledge.
func Sent() Result { return Result{kind: resultSent, reason: "not acknowledged yet"} }

// Waiting means that the device is offline, so that trying again by time is pointless: the channel calls Queue.Wake when
// the device connects.
func Waiting(reason string) Result { return Result{kind: resultWaiting, reason: reason} }

// String names the result: "delivered", "again", "gone", "sent" or "waiting".
func (r Result) String() string {
	return [...]string{resultAgain: "again", resultDone: "delivered", resultGone: "gone", resultSent: "sent", resultWaiting: "waiting"}[r.kind]
}

// Delivered tells whether the device has the notification.
func (r Result) Delivered() bool { return r.kind == resultDone }

// Retry tells whether the attempt failed and another one may not.
func (r Result) Retry() bool { return r.kind == resultAgain }

// After is how long another attempt has to wait at least; 0 for no wish.
func (r Result) After() time.Duration { return r.after }

// AddressDead tells whether the address takes nothing any more.
func (r Result) AddressDead() bool { return r.dead }

// CredentialsRefused tells whether the destination does not take this server's credentials or settings.
func (r Result) CredentialsRefused() bool { return r.denied }

// Reason says why the result is not better; empty when it is delivered.
func (r Result) Reason() string { return r.reason }
