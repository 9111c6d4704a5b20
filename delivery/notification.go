package delivery

import (
	"errors"
	"time"
)

// Errors of this package; compare with errors.Is.
var (
	// ErrLimit means that the Challenge has had as many notifications as it may; nothing was taken.
	ErrLimit = errors.New("delivery: the challenge has reached its limit of notifications")
	// ErrUnavailable means that nothing was taken: the queue is closed, or its store does not answer.
	ErrUnavailable = errors.New("delivery: unavailable")
	// ErrFull means that as many notifications are pending as may be; nothing was taken. ErrDeviceFull means it of one device.
	ErrFull       = errors.New("delivery: too many notifications are pending")
	ErrDeviceFull = errors.New("delivery: too many notifications are pending for the device")
	// ErrNotFound means that no notification has this SID, or that its outcome is longer ago than Retention.
	ErrNotFound = errors.New("delivery: no such notification")
	// ErrAddressDead means that nothing arrives at the address any more; nothing was taken.
	ErrAddressDead = errors.New("delivery: the address is dead")
)

// Retention is how long a notification's outcome is kept.
const Retention = time.Hour

// Device names a device: the one of the Entity with this Identity in this Service.
type Device struct {
	ServiceSID, Identity string
}

// Notification is one notification of a Challenge on its way to a device.
type Notification struct {
	// SID is NT and 32 hexadecimal digits, unique; it is the de-duplication id on every channel.
	SID string
	// AccountSID, EntitySID and ChallengeSID say whose it is: AC, YE, YC and 32 hexadecimal digits.
	AccountSID, EntitySID, ChallengeSID string
	// FactorSID is that of the factor that the challenge asks for, YF and 32 hexadecimal digits; empty where it is not known.
	FactorSID string
	// Device is where it goes.
	Device
	// Created is when it was created, in UTC. The TTL counts from it; callers and devices are told it in whole seconds.
	Created time.Time
	// TTL is how long it is valid, in whole seconds; 0 means one attempt, at once, and nothing stored.
	TTL time.Duration
	// ChallengeLimit is how many notifications the challenge may have in all; 0 means no limit.
	ChallengeLimit int
	// Channel is the way to the device, such as "stream"; Address is where, in the channel's own form.
	Channel, Address string
	// AddressSince is when the device was last known to be at the address, where that is known: one that was found dead before is
	// good again. Only Queue.Add looks at it.
	AddressSince time.Time
	// Details are texts of the challenge's own by name, for the words that a person reads: a JSON object; empty for none.
	Details string
}

// Expires is the time from which on the notification is not sent any more.
func (n Notification) Expires() time.Time { return n.Created.Add(n.TTL) }

// State is what became of a notification.
type State string

// The states of a notification. All but pending are final.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Expired   State = "expired"
	Failed    State = "failed"
)

// Record is a notification with what became of it.
type Record struct {
	Notification
	State State
	// Attempts is how often it was tried; LastAttempt is when, zero for never.
	Attempts    int
	LastAttempt time.Time
	// Ended is when it reached its final state; zero while it is pending.
	Ended time.Time
	// Reason says why it failed, or why the last attempt of one did that is pending or has expired; empty otherwise.
	Reason string
}
