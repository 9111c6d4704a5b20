package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/outbound"
)

// Options are a Channel's settings; the zero value is good.
type Options struct {
	outbound.Rules
	// Now is the clock that signatures are dated by. Nil: time.Now.
	Now func() time.Time
}

// Channel is a delivery.Channel. Make it with New.
type Channel struct {
	secrets func() Secrets
	client  *outbound.Client
	now     func() time.Time
}

// New makes a channel that signs with the secrets that are in force at the time.
func New(secrets func() Secrets, options Options) *Channel {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Channel{secrets: secrets, now: options.Now, client: outbound.New(outbound.Options{Rules: options.Rules, Now: options.Now})}
}

// payload is what the receiver is told.
type payload struct {
	Type         string    `json:"type"`
	SID          string    `json:"sid"`
	ChallengeSID string    `json:"challenge_sid"`
	ServiceSID   string    `json:"service_sid"`
	Identity     string    `json:"identity"`
	TTL          int       `json:"ttl"`
	DateCreated  time.Time `json:"date_created"`
}

// Deliver makes one POST to the notification's address.
func (c *Channel) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	body, err := json.Marshal(payload{
		Type: "verify_push_challenge", SID: a.SID, ChallengeSID: a.ChallengeSID, ServiceSID: a.ServiceSID, Identity: a.Identity,
		// Rounded up: 0 means that it is sent only once.
		TTL: int((a.Remaining + time.Second - 1) / time.Second), DateCreated: a.Created.Truncate(time.Second),
	})
	if err != nil {
		return delivery.Gone(err.Error())
	}
	return c.Post(ctx, a.Address, a.SID, body)
}

// Post makes one signed POST of a JSON body with an id.
func (c *Channel) Post(ctx context.Context, address, id string, body []byte) delivery.Result {
	now := c.now()
	signature, err := c.secrets().sign(id, now, body)
	if err != nil {
		return delivery.Gone("the body cannot be signed")
	}
	answer, failed, ok := c.client.Post(ctx, address, http.Header{
		"Content-Type": {"application/json"}, "Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {signature},
	}, body)
	if !ok {
		return failed
	}
	reason := fmt.Sprintf("the receiver answered %d", answer.Status)
	switch {
	case answer.Delivered():
		return delivery.Done()
	case answer.Status == http.StatusGone:
		return delivery.Gone(reason)
	case answer.Status == http.StatusTooManyRequests || answer.Status >= 500:
		return delivery.Again(answer.RetryAfter, reason)
	default:
		// Others behind the same host may be taken.
		return delivery.Refused(answer.RetryAfter, reason)
	}
}
