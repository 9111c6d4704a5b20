package pebblestore

import (
	"context"
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/recordcodec"
)

// Records yields what is pending, and then what has ended.
func (s *Store) Records(_ context.Context) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		for _, prefix := range []byte{pendingPrefix, outcomePrefix} {
			for record, err := range s.scan([]byte{prefix}, []byte{prefix + 1}, func(_, value []byte) (delivery.Record, error) { return recordcodec.Decode(value) }) {
				if !yield(record, err) || err != nil {
					return
				}
			}
		}
	}
}

// Counted gives the count of a challenge.
func (s *Store) Counted(_ context.Context, n delivery.Notification) (counted int, err error) {
	key, err := countKey(n)
	if err != nil {
		return 0, err
	}
	err = s.use(func() error {
		here, err := s.counted(key)
		counted = int(here)
		return err
	})
	return counted, err
}

// Restore keeps a record of another store.
func (s *Store) Restore(ctx context.Context, r delivery.Record, counted int) (restored bool, err error) {
	sid, err := digits(r.SID)
	if err != nil {
		return false, err
	}
	there, err := s.Find(ctx, r.SID)
	isThere := err == nil
	if err != nil && !errors.Is(err, delivery.ErrNotFound) {
		return false, err
	}
	if isThere && there.State == delivery.Pending && r.State != delivery.Pending {
		return true, s.End(ctx, r)
	}
	err = s.use(func() error {
		if err := s.space.check(); err != nil {
			return err
		}
		batch := s.db.NewBatch()
		if counted > 0 {
			unlock, err := s.changeCount(batch, r.Notification, func(here uint64) (uint64, error) { return max(here, uint64(counted)), nil })
			if err != nil {
				return err
			}
			defer unlock()
		}
		if restored = !isThere || there.IsMoved(); restored {
			if isThere {
				_ = batch.Delete(timedKey(outcomePrefix, there.Ended, sid), nil)
			}
			restore(batch, r, sid)
		}
		if batch.Empty() {
			return nil
		}
		return s.commit(batch, true)
	})
	return restored && err == nil, err
}

// restore sets what a record is found by.
func restore(batch *pebble.Batch, r delivery.Record, sid []byte) {
	key := pendingKey(r.Notification, sid)
	if r.State == delivery.Pending {
		_ = batch.Set(deviceKey(r.Device, key), nil, nil)
	} else {
		key = timedKey(outcomePrefix, r.Ended, sid)
	}
	_ = batch.Set(key, recordcodec.Encode(r), nil)
	_ = batch.Set(sidKey(sid), key, nil)
}

// Revocations gives the devices whose tokens were revoked.
func (s *Store) Revocations(_ context.Context) (list []delivery.Revocation, err error) {
	s.revoked.mu.RLock()
	defer s.revoked.mu.RUnlock()
	for key, at := range s.revoked.at {
		list = append(list, delivery.Revocation{Device: delivery.DeviceHash([]byte(key[1:])), At: at})
	}
	return list, nil
}

// RestoreRevocation revokes the tokens of a device, unless later ones were revoked.
func (s *Store) RestoreRevocation(_ context.Context, r delivery.Revocation) error {
	key := append([]byte{revokedPrefix}, r.Device[:]...)
	s.revoked.mu.RLock()
	at := s.revoked.at[string(key)]
	s.revoked.mu.RUnlock()
	if !r.At.After(at) {
		return nil
	}
	return s.revoke(key, r.At)
}
