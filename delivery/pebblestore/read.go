package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/recordcodec"
)

// get gives a copy of a value.
func (s *Store) get(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closer.Close() }()
	return bytes.Clone(value), nil
}

// Pending yields what is pending and expires between two times.
func (s *Store) Pending(_ context.Context, from, to time.Time) iter.Seq2[delivery.Record, error] {
	first, end := []byte{pendingPrefix}, []byte{pendingPrefix + 1}
	if !from.IsZero() {
		first = timedKey(pendingPrefix, from, nil)
	}
	if !to.IsZero() {
		end = timedKey(pendingPrefix, to, nil)
	}
	return s.scan(first, end, func(_, value []byte) (delivery.Record, error) { return recordcodec.Decode(value) })
}

// DevicePending yields what is pending for a device after a position.
func (s *Store) DevicePending(_ context.Context, d delivery.Device, after delivery.Position) iter.Seq2[delivery.Record, error] {
	prefix := deviceKeys(d)
	first := prefix
	if sid, err := digits(after.SID); err == nil {
		// The first key behind it.
		first = append(deviceKey(d, timedKey(pendingPrefix, after.Expires, sid)), 0)
	}
	return s.scan(first, keyAfter(prefix), func(key, _ []byte) (delivery.Record, error) {
		value, err := s.get(append([]byte{pendingPrefix}, key[len(prefix):]...))
		if err != nil {
			return delivery.Record{}, err
		}
		return recordcodec.Decode(value)
	})
}

// scan yields what read makes of each key from first on and before end. One that ended meanwhile is passed over, and so is
// what is damaged.
func (s *Store) scan(first, end []byte, read func(key, value []byte) (delivery.Record, error)) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		err := s.use(func() error {
			for from := first; from != nil; {
				last, err := s.scanFrom(from, end, read, yield)
				if !pebble.IsCorruptionError(err) {
					return err
				}
				s.damage.block(err)
				from = s.beyond(err, last, end)
			}
			return nil
		})
		if err != nil {
			yield(delivery.Record{}, fmt.Errorf("data directory %s: %w", s.dir, err))
		}
	}
}

// scanFrom yields until a block cannot be read; it gives the last key before that.
func (s *Store) scanFrom(from, end []byte, read func(key, value []byte) (delivery.Record, error), yield func(delivery.Record, error) bool) (last []byte, err error) {
	keys, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: end})
	if err != nil {
		return from, err
	}
	defer s.close(keys)
	last = bytes.Clone(from)
	for keys.First(); keys.Valid(); keys.Next() {
		last = append(last[:0], keys.Key()...)
		record, err := read(keys.Key(), keys.Value())
		switch {
		case errors.Is(err, pebble.ErrNotFound):
			continue
		case pebble.IsCorruptionError(err):
			s.damage.block(err)
			continue
		case err != nil:
			s.putAside(keys.Key(), keys.Value(), err)
			continue
		}
		if !yield(record, nil) {
			return last, nil
		}
	}
	return last, keys.Error()
}

// beyond gives the first key behind a damaged block of a file that can be read again; nil for none.
func (s *Store) beyond(damage error, last, end []byte) []byte {
	to := end
	if info := pebble.ExtractDataCorruptionInfo(damage); info != nil && bytes.Compare(info.Bounds.End.Key, end) < 0 {
		to = append(bytes.Clone(info.Bounds.End.Key), 0)
	}
	if bytes.Compare(to, last) <= 0 {
		return nil
	}
	keys, err := s.db.NewIter(&pebble.IterOptions{LowerBound: append(bytes.Clone(last), 0), UpperBound: to})
	if err != nil {
		return nil
	}
	defer s.close(keys)
	next := to
	for keys.Last(); keys.Valid(); keys.Prev() {
		next = bytes.Clone(keys.Key())
	}
	if bytes.Compare(next, end) >= 0 {
		return nil
	}
	return next
}

// Find gives the record with this SID.
func (s *Store) Find(_ context.Context, sidText string) (record delivery.Record, err error) {
	sid, err := digits(sidText)
	if err != nil {
		return record, delivery.ErrNotFound
	}
	err = s.use(func() error {
		// The record may move from pending to its outcome between the two reads; then the second look finds it.
		for range 2 {
			key, err := s.get(sidKey(sid))
			if err != nil {
				return err
			}
			value, err := s.get(key)
			if errors.Is(err, pebble.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			record, err = recordcodec.Decode(value)
			return err
		}
		return pebble.ErrNotFound
	})
	if errors.Is(err, pebble.ErrNotFound) {
		err = delivery.ErrNotFound
	}
	return record, err
}
