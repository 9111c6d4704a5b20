package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/cluster"
)

// claim is who owns a partition, and the sequence of the message that says so.
type claim struct {
	owner    string
	sequence uint64
}

// releaseAll lets all partitions go without a word: they are others' already.
func (m *Membership) releaseAll(owner cluster.Owner) {
	m.working.Wait()
	for p := range delivery.Partitions {
		m.mu.Lock()
		was := m.owned[p]
		m.owned[p] = false
		m.mu.Unlock()
		if was {
			owner.Release(p)
		}
	}
}

// alive are the nodes that are not dead, with this one while it has a lease. It is locked.
func (m *Membership) alive(now time.Time) (names []string) {
	for name, node := range m.nodes {
		if !node.dead && !node.moving && name != m.me && now.Sub(node.seen) < heartbeatKept {
			names = append(names, name)
		}
	}
	if now.Before(m.until) && !m.leaving {
		names = append(names, m.me)
	}
	return names
}

// Moving tells whether what is pending is being moved to another store: nothing may be added then.
func (m *Membership) Moving() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moves(time.Now())
}

// moves tells whether what is pending is being moved to another store. It is locked.
func (m *Membership) moves(now time.Time) bool {
	for _, node := range m.nodes {
		if node.moving && !node.dead && now.Sub(node.seen) < heartbeatKept {
			return true
		}
	}
	return false
}

// follow does what the plan wants of this node.
func (m *Membership) follow(ctx context.Context, owner cluster.Owner) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !now.Before(m.until) {
		if !m.until.IsZero() && m.lapse() {
			m.store.options.Logger.Warn("this node has no lease any more, and delivers nothing: its heartbeats are not acknowledged")
		}
		return
	}
	if m.moves(now) {
		// What is being moved is nobody's.
		for p := range m.claims {
			if m.owned[p] && !m.busy[p] {
				m.busy[p] = true
				m.working.Go(func() { m.release(ctx, owner, p) })
			}
		}
		return
	}
	alive := m.alive(now)
	isAlive := map[string]bool{}
	for _, name := range alive {
		isAlive[name] = true
	}
	var owners cluster.Owners
	for p, c := range m.claims {
		if isAlive[c.owner] {
			owners[p] = c.owner
		}
	}
	for p, wanted := range cluster.Plan(alive, owners) {
		switch {
		case m.busy[p]:
		case m.owned[p] && m.claims[p].owner != m.me:
			// It is another's, or nobody's: an answer to this node was lost, or came late.
			m.busy[p] = true
			m.working.Go(func() { m.release(ctx, owner, p) })
		case wanted == m.me && (owners[p] == "" || owners[p] == m.me && !m.owned[p]):
			m.busy[p] = true
			me, seen := m.me, m.claims[p]
			m.working.Go(func() { m.claim(ctx, owner, p, me, seen) })
		case wanted != m.me && owners[p] == m.me:
			m.busy[p] = true
			m.working.Go(func() { m.release(ctx, owner, p) })
		}
	}
}

// claim writes that a partition is this node's, and takes it up, if its claim is still the one that was seen when that was planned.
func (m *Membership) claim(ctx context.Context, owner cluster.Owner, p int, me string, seen claim) {
	defer m.done(p)
	if seen.owner != "" && seen.owner != me && !m.isGone(ctx, seen.owner) {
		return
	}
	// Also where it is this node's already: so nothing that is still on its way can take it away.
	sequence, err := m.store.publish(ctx, m.store.claimSubject(p), "", seen.sequence, []byte(me), 0)
	if err != nil {
		if verdictOf(err) == stale {
			m.count(&m.counts.Refused)
			if last, err := m.store.fromLeader(ctx, m.store.membersStream(), 0, m.store.claimSubject(p)); err == nil {
				m.note(last)
			}
		}
		return
	}
	m.note(message{m.store.claimSubject(p), sequence, []byte(me)})
	if err := owner.Take(ctx, p); err != nil {
		m.store.options.Logger.Error("a partition cannot be taken up; it is tried again", slog.Int("partition", p), slog.Any("error", err))
		return
	}
	m.mu.Lock()
	isStill := m.me == me
	m.owned[p] = isStill
	m.counts.Taken++
	if seen.owner != "" && seen.owner != me {
		m.counts.TakenOver++
	}
	m.mu.Unlock()
	if !isStill {
		owner.Release(p)
	}
}

// isGone tells whether a node is dead, as the leader has it: this one may not have seen for a while who is alive.
func (m *Membership) isGone(ctx context.Context, node string) bool {
	_, isDead, err := m.said(ctx, node)
	return isDead && err == nil
}

// said is what a node's record says, as the leader has it; one without a record is dead.
func (m *Membership) said(ctx context.Context, node string) (sequence uint64, isDead bool, err error) {
	last, err := m.store.fromLeader(ctx, m.store.membersStream(), 0, m.store.nodeSubject(node))
	if errors.Is(err, errNone) {
		return 0, true, nil
	}
	var state status
	if err == nil {
		err = json.Unmarshal(last.data, &state)
	}
	return last.sequence, state.Dead, err
}

// release lets a partition go, and then says so.
func (m *Membership) release(ctx context.Context, owner cluster.Owner, p int) {
	defer m.done(p)
	m.mu.Lock()
	m.owned[p] = false
	seen, me := m.claims[p], m.me
	m.mu.Unlock()
	owner.Release(p)
	if seen.owner != me {
		return
	}
	if sequence, err := m.store.publish(ctx, m.store.claimSubject(p), "", seen.sequence, nil, 0); err == nil {
		m.note(message{m.store.claimSubject(p), sequence, nil})
	}
}

func (m *Membership) done(p int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy[p] = false
	m.wake()
}

// leave hands everything over, and says that this node is gone: nobody waits for its silence.
func (m *Membership) leave(ctx context.Context, owner cluster.Owner) {
	ctx, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	m.working.Wait()
	m.mu.Lock()
	m.leaving = true
	m.mu.Unlock()
	var releasing sync.WaitGroup
	for p := range delivery.Partitions {
		m.mu.Lock()
		mine := m.owned[p] || m.claims[p].owner == m.me
		m.busy[p] = mine
		m.mu.Unlock()
		if mine {
			releasing.Go(func() { m.release(ctx, owner, p) })
		}
	}
	releasing.Wait()
	m.mu.Lock()
	me := m.me
	m.mu.Unlock()
	data, _ := json.Marshal(status{Dead: true})
	for ctx.Err() == nil {
		m.mu.Lock()
		last := m.beat
		m.mu.Unlock()
		_, err := m.store.publish(ctx, m.store.nodeSubject(me), "", last, data, heartbeatKept)
		if err == nil || verdictOf(err) == never {
			return
		}
		if verdictOf(err) != stale {
			_ = sleep(ctx, 100*time.Millisecond)
			continue
		}
		// One that was on its way.
		sequence, isDead, err := m.said(ctx, me)
		if err != nil || isDead {
			return
		}
		m.mu.Lock()
		m.beat = sequence
		m.mu.Unlock()
	}
}
