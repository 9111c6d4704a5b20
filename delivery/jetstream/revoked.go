package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// revocation says up to when the tokens of a device are good for nothing.
type revocation struct {
	Device delivery.Device `json:"device"`
	At     time.Time       `json:"at"`
}

// Revoke notes, durably and for all processes, that the tokens of a device that were issued up to a time are good for nothing.
func (s *Store) Revoke(d delivery.Device, at time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), addTime)
	defer cancel()
	subject := s.members("r." + hash(d.ServiceSID, d.Identity))
	data, err := json.Marshal(revocation{d, at})
	if err != nil {
		return err
	}
	for {
		last, err := s.fromLeader(ctx, s.membersStream(), 0, subject)
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		written, err := s.publish(ctx, subject, "", last.sequence, data, 0)
		if err == nil {
			s.noteRevoked(message{subject, written, data})
			return nil
		}
		what := verdictOf(err)
		if what == never || sleep(ctx, what.pause()) != nil {
			return err
		}
	}
}

// Revoked gives the time up to which the tokens of a device are revoked.
func (s *Store) Revoked(d delivery.Device) (at time.Time, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, revoked = s.revoked[d]
	return at, revoked
}

// OnRevoked has a function called when another process has revoked the tokens of a device. It is called before the nodes are
// watched.
func (s *Store) OnRevoked(f func(delivery.Device)) { s.onRevoked = f }

// noteRevoked keeps what a message says.
func (s *Store) noteRevoked(m message) {
	var r revocation
	if json.Unmarshal(m.data, &r) != nil {
		return
	}
	s.mu.Lock()
	isNew := r.At.After(s.revoked[r.Device])
	if isNew {
		s.revoked[r.Device] = r.At
	}
	s.mu.Unlock()
	if isNew && s.onRevoked != nil {
		s.onRevoked(r.Device)
	}
}
