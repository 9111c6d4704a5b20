package delivery

import (
	"errors"
	"time"
)

// Errors of adding a notification; compare with errors.Is.
var (
	// ErrLimit means that the Challenge has had as many notifications as it may.
	ErrLimit = errors.New("delivery: the challenge has reached its limit of notifications")
	// ErrUnavailable means that the notification was not taken: the queue is closed, or its store does not answer.
	ErrUnavailable = errors.New("delivery: unavailable")
)

// Notification is one notification of a Challenge on its way to a device.
type Notification struct {
	// SID is NT and 32 hexadecimal digits, unique; it is the de-duplication id on every channel.
	SID string
	// AccountSID, ServiceSID, EntitySID and ChallengeSID say whose it is: AC, VA, YE, YC and 32 hexadecimal digits.
	AccountSID, ServiceSID, EntitySID, ChallengeSID string
	// Identity is the Entity's identity within the service; together they name the device.
	Identity string
	// Created is when it was created, in UTC and whole seconds, as the caller is told. The TTL counts from it.
	Created time.Time
	// TTL is how long it is valid, in whole seconds; 0 means one attempt, at once, and nothing stored.
	TTL time.Duration
	// ChallengeLimit is how many notifications the challenge may have in all; 0 means no limit.
	ChallengeLimit int
	// Channel is the way to the device, such as "stream"; Address is where, in the channel's own form.
	Channel, Address string
}

// Expires is the time after which the notification is not sent any more.
func (n Notification) Expires() time.Time { return n.Created.Add(n.TTL) }
