package delivery

import (
	"context"
	"iter"
	"time"
)

// Store keeps notifications until their outcome, and outcomes for Retention. It is used by many goroutines at once.
// Package deliverytest holds every Store to this contract.
type Store interface {
	// Add makes the notification durable before it returns nil, and in the same atomic step counts it for its
	// challenge. The error is ErrLimit when the count has reached ChallengeLimit, whoever else adds at the same time;
	// any other error means that the store did not take it. Of a notification with a TTL of 0 only the count is kept.
	Add(ctx context.Context, n Notification) error
	// Pending yields the pending records that expire at from or later and before to, the first to expire first. A zero
	// time is no bound. An error ends it.
	Pending(ctx context.Context, from, to time.Time) iter.Seq2[Record, error]
	// DevicePending yields the pending records of one device that come after a position, the first to expire first. An
	// error ends it.
	DevicePending(ctx context.Context, d Device, after Position) iter.Seq2[Record, error]
	// Find gives the record with this SID; the error is ErrNotFound when there is none.
	Find(ctx context.Context, sid string) (Record, error)
	// End replaces pending records by ones in a final state, each once. Delivered and failed ones are durable before it
	// returns; expired ones need not be, since they expire again. It also forgets records that ended longer than
	// Retention before these; what that costs does not depend on how many there were. A PartitionedStore ends none that has
	// ended already: the error wraps ErrEnded, and those before it are ended.
	End(ctx context.Context, records ...Record) error
	// Close makes the store's last writes durable and gives up its files.
	Close() error
}

// AddressStore is a Store that remembers dead addresses.
type AddressStore interface {
	Store
	// Bury remembers, durably, that an address is dead. Doing it again changes nothing but the time.
	Bury(ctx context.Context, a AddressHash, at time.Time) error
	// Buried gives since when an address is dead. It is asked for each notification, and does not wait for anything.
	Buried(a AddressHash) (since time.Time, dead bool)
	// Unbury forgets that an address is dead.
	Unbury(ctx context.Context, a AddressHash) error
}
