package pebblestore

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nudgehq/nudge/delivery"
)

// maxAddresses bounds how many dead addresses are remembered: some 50 MB of memory. Whoever keeps sending to more than that finds
// out again which of them are dead.
const maxAddresses = 1_000_000

// addresses are the dead ones, all in memory: they are looked at for each notification.
type addresses struct {
	mu    sync.RWMutex
	since map[delivery.AddressHash]int64
}

func addressKey(a delivery.AddressHash) []byte { return append([]byte{addressPrefix}, a[:]...) }

// Bury remembers, durably, that an address is dead.
func (s *Store) Bury(_ context.Context, a delivery.AddressHash, at time.Time) error {
	return s.use(func() error {
		batch := s.db.NewBatch()
		_ = batch.Set(addressKey(a), binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())), nil)
		forgotten, forget := s.addresses.room(a)
		if forget {
			_ = batch.Delete(addressKey(forgotten), nil)
		}
		if err := s.commit(batch, true); err != nil {
			return err
		}
		s.addresses.mu.Lock()
		defer s.addresses.mu.Unlock()
		if s.addresses.since[a] = at.UnixNano(); forget {
			delete(s.addresses.since, forgotten)
		}
		return nil
	})
}

// Unbury forgets that an address is dead.
func (s *Store) Unbury(_ context.Context, a delivery.AddressHash) error {
	return s.use(func() error {
		batch := s.db.NewBatch()
		_ = batch.Delete(addressKey(a), nil)
		if err := s.commit(batch, true); err != nil {
			return err
		}
		s.addresses.mu.Lock()
		defer s.addresses.mu.Unlock()
		delete(s.addresses.since, a)
		return nil
	})
}

// Buried gives since when an address is dead.
func (s *Store) Buried(a delivery.AddressHash) (since time.Time, dead bool) {
	s.addresses.mu.RLock()
	defer s.addresses.mu.RUnlock()
	at, dead := s.addresses.since[a]
	return time.Unix(0, at), dead
}

// room gives one that is forgotten for a new one, where there is no room.
func (a *addresses) room(given delivery.AddressHash) (forgotten delivery.AddressHash, forget bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if _, known := a.since[given]; known || len(a.since) < maxAddresses {
		return forgotten, false
	}
	// Maps are gone through in any order.
	for other := range a.since {
		return other, true
	}
	return forgotten, false
}

func (s *Store) readAddresses() error {
	s.addresses.since = map[delivery.AddressHash]int64{}
	keys, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{addressPrefix}, UpperBound: []byte{addressPrefix + 1}})
	if err != nil {
		return err
	}
	for keys.First(); keys.Valid(); keys.Next() {
		key, value := keys.Key(), keys.Value()
		if len(key) == 1+len(delivery.AddressHash{}) && len(value) == timeLength {
			s.addresses.since[delivery.AddressHash(key[1:])] = int64(binary.BigEndian.Uint64(value))
		}
	}
	err = keys.Error()
	if pebble.IsCorruptionError(err) {
		s.damage.add("dead addresses cannot be read: the next notification to each finds out again", slog.String("error", firstLine(err)))
		err = nil
	}
	_ = keys.Close()
	return err
}

// Addresses gives the addresses that are dead.
func (s *Store) Addresses(context.Context) (list []delivery.DeadAddress, err error) {
	s.addresses.mu.RLock()
	defer s.addresses.mu.RUnlock()
	for hash, at := range s.addresses.since {
		list = append(list, delivery.DeadAddress{Hash: hash, Since: time.Unix(0, at)})
	}
	return list, nil
}
