package jetstream

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/nudgehq/nudge/delivery"
)

// maxEnds is how many outcomes of one call are written at once.
const maxEnds = 64

// End replaces pending records by their outcomes. The error wraps delivery.ErrEnded when one had ended already.
func (s *Store) End(ctx context.Context, records ...delivery.Record) error {
	var group errgroup.Group
	group.SetLimit(maxEnds)
	for _, record := range records {
		group.Go(func() error { return s.end(ctx, record) })
	}
	return group.Wait()
}

func (s *Store) end(ctx context.Context, record delivery.Record) error {
	s.ending <- struct{}{}
	defer func() { <-s.ending }()
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	partition := delivery.PartitionOf(record.Device)
	s.mu.Lock()
	at, known := s.pending[partition][record.SID]
	s.mu.Unlock()
	for mayBeOurs := false; ; {
		if !known {
			var ended bool
			var err error
			if at, ended, err = s.locate(ctx, record, mayBeOurs); err != nil || ended {
				return err
			}
		}
		_, err := s.publish(ctx, at.subject, record.SID+" "+string(record.State), at.sequence, outcomeData(record), delivery.Retention)
		if err == nil {
			s.noteEnd(partition, record)
			return nil
		}
		what := verdictOf(err)
		if what == never || ctx.Err() != nil {
			return err
		}
		mayBeOurs = mayBeOurs || what == unknown
		// What the subject holds has to be read again.
		known = known && what != stale
		if sleep(ctx, what.pause()) != nil {
			return err
		}
	}
}

// noteEnd keeps that a record has ended.
func (s *Store) noteEnd(partition int, record delivery.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending[partition], record.SID)
	if record.Ended.After(s.ended) {
		s.ended = record.Ended
	}
}

// locate finds where the record is pending. ended says that it has ended as it should, by this call's earlier tries; where another
// ended it the error is delivery.ErrEnded.
func (s *Store) locate(ctx context.Context, wanted delivery.Record, mayBeOurs bool) (at place, ended bool, err error) {
	partition := delivery.PartitionOf(wanted.Device)
	var found *delivery.Record
	err = s.eachOfDevice(ctx, wanted.Device, func(m message, record delivery.Record) bool {
		if record.SID == wanted.SID {
			found, at = &record, place{m.subject, m.sequence}
		}
		return found == nil
	})
	if err != nil {
		return at, false, err
	}
	if found != nil {
		// A replica may be behind: the leader is not.
		m, err := s.fromLeader(ctx, s.streamName(s.streamOf(partition)), 0, at.subject)
		if err != nil && !errors.Is(err, errNone) {
			return at, false, err
		}
		record, ok, err := m.record()
		if err != nil {
			return at, false, err
		}
		at.sequence = m.sequence
		if ok && record.SID == wanted.SID && record.State == delivery.Pending {
			return at, false, nil
		}
		if mayBeOurs && ok && record.SID == wanted.SID && record.State == wanted.State && record.Ended.Equal(wanted.Ended) {
			s.noteEnd(partition, wanted)
			return at, true, nil
		}
	}
	s.noteEnd(partition, wanted)
	return at, false, fmt.Errorf("%w: %s", delivery.ErrEnded, wanted.SID)
}
