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
			if at, ended, err = s.locate(ctx, record, at, mayBeOurs); err != nil || ended {
				return err
			}
		}
		_, err := s.publish(ctx, at.subject, fmt.Sprintf("%s %s %d", record.SID, record.State, at.sequence), at.sequence, outcomeData(record), delivery.Retention)
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

// locate finds where the record is pending, from where it was known to be, if it was. ended says that it has ended as it should, by
// this call's earlier tries; where another ended it the error is delivery.ErrEnded.
func (s *Store) locate(ctx context.Context, wanted delivery.Record, at place, mayBeOurs bool) (place, bool, error) {
	if at.subject == "" {
		err := s.eachOfDevice(ctx, wanted.Device, func(m message, record delivery.Record) bool {
			if record.SID == wanted.SID {
				at.subject = m.subject
			}
			return at.subject == ""
		})
		if err == nil && at.subject == "" {
			// It may be that a replica is behind.
			err = errNone
		}
		if err != nil {
			return at, false, err
		}
	}
	// A replica may be behind: the leader is not.
	partition := delivery.PartitionOf(wanted.Device)
	m, err := s.fromLeader(ctx, s.streamName(s.streamOf(partition)), 0, at.subject)
	if err != nil && !errors.Is(err, errNone) {
		return at, false, err
	}
	record, ok, err := m.record()
	if err != nil {
		return at, false, err
	}
	at.sequence = m.sequence
	ok = ok && record.SID == wanted.SID
	if ok && record.State == delivery.Pending {
		return at, false, nil
	}
	s.noteEnd(partition, wanted)
	if mayBeOurs && ok && record.State == wanted.State && record.Ended.Equal(wanted.Ended) {
		return at, true, nil
	}
	s.refused.Add(1)
	return at, false, fmt.Errorf("%w: %s", delivery.ErrEnded, wanted.SID)
}
