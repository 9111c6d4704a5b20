package jetstream

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
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

// BeginMove keeps nodes from owning anything until the move ends: nodes that start meanwhile wait. The error says which nodes run, or
// that another move does. It takes as long as a silent node may be alive.
func (s *Store) BeginMove(ctx context.Context, timing Timing) (end func(), err error) {
	m := s.Members("move", timing)
	m.own = status{Moving: true}
	m.join()
	if m.beatOnce(ctx, idle{}); m.beat == 0 {
		return nil, errors.New("jetstream: the servers take no write")
	}
	beating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { m.beatUntil(beating, idle{}) })
	end = func() {
		cancel()
		running.Wait()
		m.leave(context.WithoutCancel(ctx), idle{})
	}
	alive, err := s.running(ctx, timing, m.me)
	if err == nil && len(alive) > 0 {
		err = fmt.Errorf("nodes use it, and have to be stopped first: %s", strings.Join(alive, ", "))
	}
	if err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// idle owns nothing.
type idle struct{}

func (idle) Take(context.Context, int) error { return nil }
func (idle) Release(int)                     {}
func (idle) Extend(time.Time)                {}

// running gives the others that use the store now: those that say that they are alive while it is looked.
func (s *Store) running(ctx context.Context, timing Timing, own string) ([]string, error) {
	before, err := s.alive(ctx)
	if err != nil {
		return nil, err
	}
	if len(before) > 1 {
		if err := sleep(ctx, timing.Silence+timing.Beat/2); err != nil {
			return nil, err
		}
	}
	after, err := s.alive(ctx)
	if err != nil {
		return nil, err
	}
	var running []string
	for name, sequence := range after {
		if sequence > before[name] && name != own {
			running = append(running, name)
		}
	}
	slices.Sort(running)
	return running, nil
}

// alive gives the last heartbeats of those that are not dead.
func (s *Store) alive(ctx context.Context) (map[string]uint64, error) {
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
