package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/recordcodec"
)

// Add stores the notification.
func (s *Store) Add(_ context.Context, n delivery.Notification) error {
	return s.use(func() error {
		if n.TTL > 0 {
			if err := s.space.check(); err != nil {
				return err
			}
		}
		batch := s.db.NewBatch()
		if n.ChallengeLimit > 0 {
			unlock, err := s.count(batch, n)
			if err != nil {
				return err
			}
			defer unlock()
		}
		if n.TTL > 0 {
			sid, err := digits(n.SID)
			if err != nil {
				return err
			}
			pending := pendingKey(n, sid)
			// Setting into a batch in memory does not fail.
			_ = batch.Set(pending, recordcodec.Encode(delivery.Record{Notification: n, State: delivery.Pending}), nil)
			_ = batch.Set(deviceKey(n.Device, pending), nil, nil)
			_ = batch.Set(sidKey(sid), pending, nil)
		}
		if batch.Empty() {
			return nil
		}
		return s.commit(batch, true)
	})
}

// count adds one to the challenge's count in the batch, unless it has reached its limit.
func (s *Store) count(batch *pebble.Batch, n delivery.Notification) (unlock func(), err error) {
	return s.changeCount(batch, n, func(counted uint64) (uint64, error) {
		if counted >= uint64(n.ChallengeLimit) {
			return counted, delivery.ErrLimit
		}
		return counted + 1, nil
	})
}

// changeCount changes the challenge's count in the batch, unless change gives an error. Until unlock, nobody else counts for the same
// challenge.
func (s *Store) changeCount(batch *pebble.Batch, n delivery.Notification, change func(counted uint64) (uint64, error)) (unlock func(), err error) {
	key, err := countKey(n)
	if err != nil {
		return nil, err
	}
	stripe := &s.stripes[maphash.Bytes(s.seed, key)%uint64(len(s.stripes))]
	stripe.Lock()
	counted, err := s.counted(key)
	if pebble.IsCorruptionError(err) {
		// Better one too many than none at all.
		s.damage.block(err)
		err = nil
	}
	if err == nil {
		counted, err = change(counted)
	}
	if err != nil {
		stripe.Unlock()
		return nil, err
	}
	_ = batch.Set(key, binary.BigEndian.AppendUint64(nil, counted), nil)
	return stripe.Unlock, nil
}

// counted reads a count.
func (s *Store) counted(key []byte) (uint64, error) {
	value, err := s.get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil || len(value) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), nil
}

// End records final states and forgets old ones.
func (s *Store) End(_ context.Context, records ...delivery.Record) error {
	return s.use(func() error {
		batch := s.db.NewBatch()
		durable := false
		var latest time.Time
		var oldest []byte
		for _, r := range records {
			sid, err := digits(r.SID)
			if err != nil {
				return err
			}
			pending := pendingKey(r.Notification, sid)
			outcome := timedKey(outcomePrefix, r.Ended, sid)
			_ = batch.Delete(pending, nil)
			_ = batch.Delete(deviceKey(r.Device, pending), nil)
			_ = batch.Set(outcome, recordcodec.Encode(r), nil)
			_ = batch.Set(sidKey(sid), outcome, nil)
			if r.State != delivery.Expired {
				durable = true
			}
			if latest.Before(r.Ended) {
				latest = r.Ended
			}
			if oldest == nil || bytes.Compare(outcome, oldest) < 0 {
				oldest = outcome
			}
		}
		if batch.Empty() {
			return nil
		}
		forgotten, err := s.forget(batch, oldest, timedKey(outcomePrefix, latest.Add(-delivery.Retention), nil))
		if err != nil {
			return err
		}
		err = s.commit(batch, durable)
		forgotten(err == nil)
		return err
	})
}
