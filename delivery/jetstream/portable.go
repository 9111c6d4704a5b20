package jetstream

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Records yields what is in all streams.
func (s *Store) Records(ctx context.Context) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		for stream := range s.options.Streams {
			stopped := false
			err := s.allOf(ctx, stream, func(m message) bool {
				record, ok := s.read(m)
				stopped = ok && !yield(record, nil)
				return !stopped
			})
			if err != nil {
				yield(delivery.Record{}, err)
			}
			if err != nil || stopped {
				return
			}
		}
	}
}

// catchUp is how long a replica that is behind is waited for.
const catchUp = 5 * time.Second

// allOf gives all messages of a stream that its leader has: the replica that is read may be behind.
func (s *Store) allOf(ctx context.Context, stream int, each func(message) bool) error {
	of, err := s.js.Stream(ctx, s.streamName(stream))
	if err != nil {
		return err
	}
	last := of.CachedInfo().State.LastSeq
	r := s.newReader(stream, s.ofStream(stream))
	r.start = time.Time{}
	for until, stopped := time.Now().Add(catchUp), false; ; {
		err := r.all(ctx, func(m message) bool {
			stopped = !each(m)
			return !stopped
		})
		// The last one may be gone: its time was over.
		if err != nil || stopped || r.last >= last || time.Now().After(until) {
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// Counted gives how many slots of a challenge are taken.
func (s *Store) Counted(ctx context.Context, n delivery.Notification) (int, error) {
	taken, err := s.slots(ctx, n, n.ChallengeLimit)
	return len(taken), err
}

// slots reads the slots of a challenge that are taken, by their numbers, from the leader: of so many, and of those behind that
// follow without a gap.
func (s *Store) slots(ctx context.Context, n delivery.Notification, all int) (map[int]message, error) {
	taken := map[int]message{}
	for slot := 1; slot <= max(all, 1) || n.ChallengeLimit > 0 && taken[slot-1].sequence > 0; slot++ {
		m, err := s.fromLeader(ctx, s.streamName(s.streamOf(delivery.PartitionOf(n.Device))), 0, s.subject(n, slot))
		if errors.Is(err, errNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		taken[slot] = m
	}
	return taken, nil
}

// Restore keeps a record of another store: in its own slot where it was moved from there before, else in the first free one, behind
// the limit where there is none. Other slots are taken until as many count as there.
func (s *Store) Restore(ctx context.Context, r delivery.Record, counted int) (restored bool, err error) {
	wrote := false
	for {
		restored, err = s.restore(ctx, r, counted, &wrote)
		switch what := verdictOf(err); {
		case err == nil:
			return restored || wrote, nil
		case what == never || ctx.Err() != nil:
			return false, err
		default:
			// Somebody took the slot, or the answer was lost: what is there now is looked at.
			if sleep(ctx, max(what.pause(), time.Millisecond)) != nil {
				return false, err
			}
		}
	}
}

// restore tries once; wrote tells that this or an earlier try may have written the record.
func (s *Store) restore(ctx context.Context, r delivery.Record, counted int, wrote *bool) (bool, error) {
	taken, err := s.slots(ctx, r.Notification, max(r.ChallengeLimit, counted))
	if err != nil {
		return false, err
	}
	own, there := ownSlot(taken, r.SID)
	keep, data := time.Until(r.Expires())+delivery.Retention, pendingData(r.Notification)
	if r.State != delivery.Pending {
		keep, data = time.Until(r.Ended)+delivery.Retention, outcomeData(r)
	}
	isThere := own > 0 && !there.IsMoved() && (there.State != delivery.Pending || r.State == delivery.Pending)
	restored := !isThere && keep > 0
	if restored {
		if own == 0 {
			own = freeSlot(taken, r.ChallengeLimit, counted)
		}
		_, err := s.publish(ctx, s.subject(r.Notification, own), "", taken[own].sequence, data, keep)
		*wrote = *wrote || err == nil || verdictOf(err) == unknown
		if err != nil {
			return false, err
		}
		taken[own] = message{}
	}
	return restored, s.fill(ctx, r.Notification, taken, counted)
}

// fill takes free slots of a challenge until as many are taken as count. How long these would still count is not known: as long as
// any may.
func (s *Store) fill(ctx context.Context, n delivery.Notification, taken map[int]message, counted int) error {
	for slot := 1; n.ChallengeLimit > 0 && len(taken) < counted; slot++ {
		if _, isTaken := taken[slot]; isTaken {
			continue
		}
		if _, err := s.publish(ctx, s.subject(n, slot), "", 0, nil, max(s.options.Longest, n.TTL)+delivery.Retention); err != nil {
			return err
		}
		taken[slot] = message{}
	}
	return nil
}

// freeSlot is the first slot that is not taken; when as many are taken as count, rather the first that is only counted. Where there
// is no limit each notification has its own.
func freeSlot(taken map[int]message, limit, counted int) int {
	if limit == 0 {
		return 1
	}
	if len(taken) >= counted {
		for _, slot := range slices.Sorted(maps.Keys(taken)) {
			if len(taken[slot].data) == 0 {
				return slot
			}
		}
	}
	slot := 1
	for taken[slot].sequence > 0 {
		slot++
	}
	return slot
}

// ownSlot finds the slot of a SID, 0 for none. What cannot be read is another's.
func ownSlot(taken map[int]message, sid string) (slot int, there delivery.Record) {
	for slot, m := range taken {
		if record, ok, err := m.record(); err == nil && ok && record.SID == sid {
			return slot, record
		}
	}
	return 0, there
}

// Revocations gives the devices whose tokens were revoked.
func (s *Store) Revocations(context.Context) (list []delivery.Revocation, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for device, at := range s.revoked {
		list = append(list, delivery.Revocation{Device: device, At: at})
	}
	return list, nil
}

// RestoreRevocation revokes the tokens of a device whose name need not be known.
func (s *Store) RestoreRevocation(ctx context.Context, r delivery.Revocation) error {
	return s.revoke(ctx, revocation{Hash: hex.EncodeToString(r.Device[:]), At: r.At})
}
