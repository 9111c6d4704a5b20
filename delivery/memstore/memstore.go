// Package memstore is a delivery.Store in memory, for tests: what it holds is lost with the process.
package memstore

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Store is a delivery.Store. Make it with New.
type Store struct {
	mu      sync.Mutex
	closed  bool
	records map[string]delivery.Record
	ended   []string
	counts  map[challenge]int
	buried  map[delivery.AddressHash]time.Time
}

// challenge names a challenge: its SID is unique within its account.
type challenge struct{ account, sid string }

// New returns an empty store.
func New() *Store {
	return &Store{records: map[string]delivery.Record{}, counts: map[challenge]int{}, buried: map[delivery.AddressHash]time.Time{}}
}

var errClosed = errors.New("memstore: closed")

// Add keeps the notification.
func (s *Store) Add(_ context.Context, n delivery.Notification) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	// Only challenges that have a limit are counted: the others, of which there may be millions, need no memory.
	if n.ChallengeLimit > 0 {
		key := challenge{n.AccountSID, n.ChallengeSID}
		if s.counts[key] >= n.ChallengeLimit {
			return delivery.ErrLimit
		}
		s.counts[key]++
	}
	if n.TTL > 0 {
		s.records[n.SID] = delivery.Record{Notification: n, State: delivery.Pending}
	}
	return nil
}

// Pending yields what is pending and expires between two times.
func (s *Store) Pending(_ context.Context, from, to time.Time) iter.Seq2[delivery.Record, error] {
	return s.pending(func(r delivery.Record) bool {
		return !r.Expires().Before(from) && (to.IsZero() || r.Expires().Before(to))
	})
}

// PendingIn yields what is pending in a partition.
func (s *Store) PendingIn(_ context.Context, partition int) iter.Seq2[delivery.Record, error] {
	return s.pending(func(r delivery.Record) bool { return delivery.PartitionOf(r.Device) == partition })
}

// DevicePending yields what is pending for a device after a position.
func (s *Store) DevicePending(_ context.Context, d delivery.Device, after delivery.Position) iter.Seq2[delivery.Record, error] {
	return s.pending(func(r delivery.Record) bool {
		return r.Device == d && after.Before(delivery.PositionOf(r.Notification))
	})
}

func (s *Store) pending(wanted func(delivery.Record) bool) iter.Seq2[delivery.Record, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []delivery.Record
	for _, r := range s.records {
		if r.State == delivery.Pending && wanted(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b delivery.Record) int {
		return cmp.Or(a.Expires().Compare(b.Expires()), strings.Compare(a.SID, b.SID))
	})
	closed := s.closed
	return func(yield func(delivery.Record, error) bool) {
		if closed {
			yield(delivery.Record{}, errClosed)
			return
		}
		for _, r := range found {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Find gives the record with this SID.
func (s *Store) Find(_ context.Context, sid string) (delivery.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return delivery.Record{}, errClosed
	}
	record, ok := s.records[sid]
	if !ok {
		return delivery.Record{}, delivery.ErrNotFound
	}
	return record, nil
}

// FindOf gives the record of a device with this SID.
func (s *Store) FindOf(ctx context.Context, d delivery.Device, sid string) (delivery.Record, error) {
	record, err := s.Find(ctx, sid)
	if err == nil && record.Device != d {
		return delivery.Record{}, delivery.ErrNotFound
	}
	return record, err
}

// End records final states.
func (s *Store) End(_ context.Context, records ...delivery.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	var now time.Time
	for _, r := range records {
		if known, ok := s.records[r.SID]; ok && known.State != delivery.Pending {
			return delivery.ErrEnded
		}
	}
	for _, r := range records {
		if now.Before(r.Ended) {
			now = r.Ended
		}
		s.records[r.SID] = r
		s.ended = append(s.ended, r.SID)
	}
	for len(s.ended) > 0 && now.Sub(s.records[s.ended[0]].Ended) > delivery.Retention {
		delete(s.records, s.ended[0])
		s.ended = s.ended[1:]
	}
	return nil
}

// Close makes every later call fail.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
