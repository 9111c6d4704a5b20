package jetstream

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Records yields what is in all streams.
func (s *Store) Records(ctx context.Context) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		for stream := range s.options.Streams {
			r := s.newReader(stream, s.ofStream(stream))
			r.start = time.Time{}
			stopped := false
			err := r.all(ctx, func(m message) bool {
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

// Restore keeps a record of another store: where it was moved from here before it takes that slot again, else the first free one,
// behind the limit where there is none. Other slots are taken until as many count as there.
func (s *Store) Restore(ctx context.Context, r delivery.Record, counted int) (restored bool, err error) {
	for {
		restored, err = s.restore(ctx, r, counted)
		switch what := verdictOf(err); {
		case err == nil:
			return restored, nil
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

func (s *Store) restore(ctx context.Context, r delivery.Record, counted int) (bool, error) {
	keep := time.Until(r.Expires()) + delivery.Retention
	data := pendingData(r.Notification)
	if r.State != delivery.Pending {
		keep, data = time.Until(r.Ended)+delivery.Retention, outcomeData(r)
	}
	if keep <= 0 {
		return false, nil
	}
	slots := max(r.ChallengeLimit, counted)
	taken, err := s.slots(ctx, r.Notification, slots)
	if err != nil {
		return false, err
	}
	own, isThere, err := ownSlot(taken, r.SID)
	if err != nil {
		return false, err
	}
	if !isThere {
		if own == 0 {
			own = freeSlot(taken, r.ChallengeLimit, counted)
		}
		if _, err := s.publish(ctx, s.subject(r.Notification, own), "", taken[own].sequence, data, keep); err != nil {
			return false, err
		}
		taken[own] = message{}
	}
	for slot := 1; r.ChallengeLimit > 0 && len(taken) < counted; slot++ {
		if _, isTaken := taken[slot]; isTaken {
			continue
		}
		if _, err := s.publish(ctx, s.subject(r.Notification, slot), "", 0, nil, keep); err != nil {
			return false, err
		}
		taken[slot] = message{}
	}
	return !isThere, nil
}

// freeSlot is the first slot that is not taken; when as many are taken as count, rather one that is only counted. Where there is
// no limit each notification has its own.
func freeSlot(taken map[int]message, limit, counted int) int {
	if limit == 0 {
		return 1
	}
	for slot, m := range taken {
		if len(taken) >= counted && len(m.data) == 0 {
			return slot
		}
	}
	slot := 1
	for taken[slot].sequence > 0 {
		slot++
	}
	return slot
}

// ownSlot finds the slot of a SID, 0 for none; isThere is false when it was moved from there.
func ownSlot(taken map[int]message, sid string) (slot int, isThere bool, err error) {
	for slot, m := range taken {
		record, ok, err := m.record()
		if err != nil {
			return 0, false, err
		}
		if ok && record.SID == sid {
			return slot, !record.IsMoved(), nil
		}
	}
	return 0, false, nil
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

// Running gives the nodes that use the store now: those that say that they are alive while it is looked. It takes two beats.
func (s *Store) Running(ctx context.Context, timing Timing) ([]string, error) {
	before, err := s.said(ctx)
	if err != nil {
		return nil, err
	}
	if len(before) > 0 {
		if err := sleep(ctx, 2*timing.Beat+timing.Beat/2); err != nil {
			return nil, err
		}
	}
	after, err := s.said(ctx)
	if err != nil {
		return nil, err
	}
	var running []string
	for name, sequence := range after {
		if sequence > before[name] {
			running = append(running, name)
		}
	}
	return running, nil
}

// said gives the last heartbeats of the nodes that are not dead.
func (s *Store) said(ctx context.Context) (map[string]uint64, error) {
	last := map[string]uint64{}
	r := &reader{js: s.js, stream: s.membersStream(), filter: s.members("n.*")}
	err := r.all(ctx, func(m message) bool {
		var said status
		name := strings.TrimPrefix(m.subject, s.members("n."))
		if json.Unmarshal(m.data, &said) == nil && !said.Dead {
			last[name] = m.sequence
		} else {
			delete(last, name)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("jetstream: reading which nodes run: %w", err)
	}
	return last, nil
}
