package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/delivery"
)

// priority is every notification's: sent at once, and may wake a sleeping device.
var priority = "high"

var _ StrictServerInterface = (*Server)(nil)

// CreateNotification creates a notification for a challenge: it finds the challenge, hands the notification to the queue
// and answers 201 once the queue has it.
func (s *Server) CreateNotification(ctx context.Context, request CreateNotificationRequestObject) (CreateNotificationResponseObject, error) {
	call := callFrom(ctx)
	challenge, err := s.config.Challenges.Find(ctx, ChallengeKey{
		AccountSID:   call.accountSID,
		ServiceSID:   request.ServiceSid,
		Identity:     request.Identity,
		ChallengeSID: request.ChallengeSid,
	})
	if err != nil {
		return nil, err
	}
	var details string
	if len(challenge.Details) > 0 {
		text, err := json.Marshal(challenge.Details)
		if err != nil {
			return nil, err
		}
		details = string(text)
	}
	now := s.config.Now()
	if err := challenge.open(now); err != nil {
		return nil, err
	}
	n := delivery.Notification{
		SID:            newSID("NT"),
		AccountSID:     challenge.AccountSID,
		EntitySID:      challenge.EntitySID,
		ChallengeSID:   challenge.ChallengeSID,
		FactorSID:      challenge.FactorSID,
		Device:         delivery.Device{ServiceSID: challenge.ServiceSID, Identity: challenge.Identity},
		Created:        now.UTC().Round(0),
		TTL:            time.Duration(*request.Body.Ttl) * time.Second,
		ChallengeLimit: challenge.NotificationLimit,
		Channel:        challenge.Channel,
		Address:        challenge.Address,
		AddressSince:   challenge.AddressSince,
		Details:        details,
	}
	if err := s.config.Queue.Add(ctx, n); err != nil {
		return nil, err
	}
	return created{call, wireNotification(n)}, nil
}

// wireNotification is the one mapping between the domain and the wire. SDKs read dates in whole seconds only.
func wireNotification(n delivery.Notification) api.Notification {
	created := n.Created.Truncate(time.Second)
	return api.Notification{
		Sid:          &n.SID,
		AccountSid:   &n.AccountSID,
		ServiceSid:   &n.ServiceSID,
		EntitySid:    &n.EntitySID,
		Identity:     &n.Identity,
		ChallengeSid: &n.ChallengeSID,
		Priority:     &priority,
		Ttl:          int(n.TTL / time.Second),
		DateCreated:  &created,
	}
}
