package server

import (
	"context"
	"time"
)

// Challenges finds the challenge that a notification is for.
type Challenges interface {
	// Find gives the challenge with this key. The error is an *Error with CodeNotFound when there is none, also when
	// another account has it; any other *Error is answered as it is. It is called at once by many.
	Find(ctx context.Context, key ChallengeKey) (Challenge, error)
}

// ChallengeKey names a challenge as the path and the credentials do.
type ChallengeKey struct {
	AccountSID, ServiceSID, Identity, ChallengeSID string
}

// Status is what became of a challenge.
type Status string

// The statuses of a challenge.
const (
	StatusPending  Status = "pending"
	StatusApproved Status = "approved"
	StatusDenied   Status = "denied"
	StatusExpired  Status = "expired"
)

// ChannelNone is the channel of a device that takes no notifications.
const ChannelNone = "none"

// Challenge is what the operation needs to know of a challenge.
type Challenge struct {
	ChallengeKey
	// EntitySID is the SID (YE…) of the entity that has to answer, and FactorSID (YF…) that of its factor; empty where it is not known.
	EntitySID, FactorSID string
	// Status is pending until the challenge is answered or expires.
	Status Status
	// Expires is when it expires by itself; zero: never.
	Expires time.Time
	// NotificationLimit is how many notifications it may have in all; 0: any number.
	NotificationLimit int
	// Channel is the way to the device, ChannelNone where there is none; Address is where, in the channel's own form.
	Channel, Address string
	// AddressSince is when the device was last known to be at the address; zero where that is not known.
	AddressSince time.Time
	// Details are texts of the challenge's own by name, for the words that a person reads; nil for none.
	Details map[string]string
}

// open tells whether a notification may be created for the challenge at the time now; the error is one of the table's.
func (c Challenge) open(now time.Time) error {
	switch {
	case c.Status == StatusApproved || c.Status == StatusDenied:
		return &Error{Code: CodeChallengeAnswered}
	case c.Status == StatusExpired || !c.Expires.IsZero() && !now.Before(c.Expires):
		return &Error{Code: CodeChallengeExpired}
	case c.Channel == ChannelNone:
		return &Error{Code: CodePlatformNone}
	}
	return nil
}
