package pebblestore

import (
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nudgehq/nudge/delivery"
)

// revocations are the devices whose tokens were revoked, all in memory: they are looked at on every request of a device.
type revocations struct {
	mu sync.RWMutex
	at map[string]time.Time
}

// Revoke notes, durably, that the tokens of a device that were issued up to a time are good for nothing any more.
func (s *Store) Revoke(d delivery.Device, at time.Time) error {
	return s.revoke(revokedKey(d), at)
}

// revoke notes a revocation by its key.
func (s *Store) revoke(key []byte, at time.Time) error {
	return s.use(func() error {
		batch := s.db.NewBatch()
		_ = batch.Set(key, binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())), nil)
		if err := s.commit(batch, true); err != nil {
			return err
		}
		s.revoked.mu.Lock()
		defer s.revoked.mu.Unlock()
		s.revoked.at[string(key)] = at
		return nil
	})
}

// Revoked gives the time up to which the tokens of a device are revoked.
func (s *Store) Revoked(d delivery.Device) (at time.Time, revoked bool) {
	s.revoked.mu.RLock()
	defer s.revoked.mu.RUnlock()
	if len(s.revoked.at) == 0 {
		return at, false
	}
	at, revoked = s.revoked.at[string(revokedKey(d))]
	return at, revoked
}

func (s *Store) readRevocations() error {
	s.revoked.at = map[string]time.Time{}
	keys, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{revokedPrefix}, UpperBound: []byte{revokedPrefix + 1}})
	if err != nil {
		return err
	}
	for keys.First(); keys.Valid(); keys.Next() {
		if value := keys.Value(); len(value) == timeLength {
			s.revoked.at[string(keys.Key())] = time.Unix(0, int64(binary.BigEndian.Uint64(value)))
		}
	}
	err = keys.Error()
	if pebble.IsCorruptionError(err) {
		s.damage.add("revocations of device tokens cannot be read: revoke again what must stay revoked", slog.String("error", firstLine(err)))
		err = nil
	}
	_ = keys.Close()
	return err
}
