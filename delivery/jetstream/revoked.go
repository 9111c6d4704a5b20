package jetstream

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// revocation says up to when the tokens of a device are good for nothing.
type revocation struct {
	// Device is empty where the revocation was moved from a store that does not know names.
	Device delivery.Device `json:"device"`
	// Hash is the device's, in hexadecimal digits; empty where Device is not.
	Hash string    `json:"hash,omitempty"`
	At   time.Time `json:"at"`
}

func (r revocation) hash() (h delivery.DeviceHash) {
	if r.Hash == "" {
		return r.Device.Hash()
	}
	// What is no hash is nobody's.
	_, _ = hex.Decode(h[:], []byte(r.Hash[:min(len(r.Hash), 2*len(h))]))
	return h
}

// Revoke notes, durably and for all processes, that the tokens of a device that were issued up to a time are good for nothing.
func (s *Store) Revoke(d delivery.Device, at time.Time) error {
	return s.revoke(context.Background(), revocation{Device: d, At: at})
}

// revoke keeps a revocation, unless a later one is there.
func (s *Store) revoke(ctx context.Context, r revocation) error {
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	hash := r.hash()
	key := hex.EncodeToString(hash[:])
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	for {
		last, err := s.fromLeader(ctx, s.revocations.stream(), 0, s.revocations.subject(key))
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		var before revocation
		if json.Unmarshal(last.data, &before) == nil && !r.At.After(before.At) {
			s.noteRevoked(key, last.data)
			return nil
		}
		if _, err = s.publish(ctx, s.revocations.subject(key), "", last.sequence, data, 0); err == nil {
			s.noteRevoked(key, data)
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
	if len(s.revoked) == 0 {
		return at, false
	}
	at, revoked = s.revoked[d.Hash()]
	return at, revoked
}

// OnRevoked has a function called when another process has revoked the tokens of a device.
func (s *Store) OnRevoked(f func(delivery.Device)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRevoked = f
}

// watchRevoked reads the revocations that are there, and goes on with what others revoke until ctx is done.
func (s *Store) watchRevoked(ctx context.Context) (err error) {
	if s.revocations, err = s.Bucket(ctx, "revoked"); err != nil {
		return err
	}
	if err := s.revocations.Read(ctx, s.noteRevoked); err != nil {
		return err
	}
	s.watching.Go(func() { s.revocations.Follow(s.watchCtx, s.noteRevoked) })
	return nil
}

// noteRevoked keeps what an entry says.
func (s *Store) noteRevoked(_ string, data []byte) {
	var r revocation
	if json.Unmarshal(data, &r) != nil {
		return
	}
	device := r.hash()
	s.mu.Lock()
	isNew := r.At.After(s.revoked[device])
	if isNew {
		s.revoked[device] = r.At
	}
	tell := s.onRevoked
	s.mu.Unlock()
	if isNew && tell != nil && r.Hash == "" {
		tell(r.Device)
	}
}
