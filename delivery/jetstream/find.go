package jetstream

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Pending yields what is pending in all partitions.
func (s *Store) Pending(ctx context.Context, from, to time.Time) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		var found []delivery.Record
		for stream := range s.options.Streams {
			err := s.newReader(stream, s.ofStream(stream)).all(ctx, func(m message) bool {
				record, ok := s.read(m)
				expires := record.Expires()
				if ok && record.State == delivery.Pending && !expires.Before(from) && (to.IsZero() || expires.Before(to)) {
					found = append(found, record)
				}
				return true
			})
			if err != nil {
				yield(delivery.Record{}, err)
				return
			}
		}
		inOrder(found, yield)
	}
}

// DevicePending yields what is pending for a device.
func (s *Store) DevicePending(ctx context.Context, d delivery.Device, after delivery.Position) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		var found []delivery.Record
		err := s.eachOfDevice(ctx, d, func(_ message, record delivery.Record) bool {
			if record.State == delivery.Pending && after.Before(delivery.PositionOf(record.Notification)) {
				found = append(found, record)
			}
			return true
		})
		if err != nil {
			yield(delivery.Record{}, err)
			return
		}
		inOrder(found, yield)
	}
}

// eachOfDevice gives the records of a device, pending and ended ones.
func (s *Store) eachOfDevice(ctx context.Context, d delivery.Device, each func(message, delivery.Record) bool) error {
	partition := delivery.PartitionOf(d)
	take := func(m message) bool {
		record, ok := s.read(m)
		// Two devices may share a hash.
		return !ok || record.Device != d || each(m, record)
	}
	messages, tooMany, err := s.ofDeviceNow(ctx, d)
	if tooMany {
		r := s.newReader(s.streamOf(partition), s.ofDevice(d))
		r.start = time.Time{}
		return r.all(ctx, take)
	}
	for _, m := range messages {
		if !take(m) {
			break
		}
	}
	return err
}

// inOrder yields records, the first to expire first.
func inOrder(records []delivery.Record, yield func(delivery.Record, error) bool) {
	slices.SortFunc(records, func(a, b delivery.Record) int {
		return cmp.Or(a.Expires().Compare(b.Expires()), strings.Compare(a.SID, b.SID))
	})
	for _, r := range records {
		if !yield(r, nil) {
			return
		}
	}
}

// Find gives the record with a SID: at once where it is pending in a partition that is taken, and else by reading all.
func (s *Store) Find(ctx context.Context, sid string) (delivery.Record, error) {
	if err := s.Ready(); err != nil {
		return delivery.Record{}, err
	}
	if partition, at, ok := s.placeOf(sid); ok {
		m, err := s.fromLeader(ctx, s.streamName(s.streamOf(partition)), at.sequence, "")
		if err == nil {
			record, _, err := m.record()
			return record, err
		}
		if !errors.Is(err, errNone) {
			return delivery.Record{}, err
		}
	}
	var found *delivery.Record
	for stream := 0; stream < s.options.Streams && found == nil; stream++ {
		r := s.newReader(stream, s.ofStream(stream))
		r.start = time.Time{}
		err := r.all(ctx, func(m message) bool {
			if record, ok, err := m.record(); err == nil && ok && record.SID == sid {
				found = &record
			}
			return found == nil
		})
		if err != nil {
			return delivery.Record{}, err
		}
	}
	return s.kept(found)
}

// FindOf gives the record of a device with a SID, by one request.
func (s *Store) FindOf(ctx context.Context, d delivery.Device, sid string) (delivery.Record, error) {
	if _, _, ok := s.placeOf(sid); ok {
		return s.Find(ctx, sid)
	}
	var found *delivery.Record
	err := s.eachOfDevice(ctx, d, func(_ message, record delivery.Record) bool {
		if record.SID == sid {
			found = &record
		}
		return found == nil
	})
	if err != nil {
		return delivery.Record{}, err
	}
	return s.kept(found)
}

// kept gives a record that was found, unless its retention is over by the ends of others.
func (s *Store) kept(found *delivery.Record) (delivery.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found == nil || found.State != delivery.Pending && s.ended.Sub(found.Ended) > delivery.Retention {
		return delivery.Record{}, delivery.ErrNotFound
	}
	return *found, nil
}

// placeOf is where a pending record of a partition that is taken is.
func (s *Store) placeOf(sid string) (partition int, at place, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for partition := range s.readers {
		if at, ok := s.pending[partition][sid]; ok {
			return partition, at, true
		}
	}
	return 0, place{}, false
}
