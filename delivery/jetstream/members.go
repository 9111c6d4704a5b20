package jetstream

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/cluster"
)

// Timing is when nodes are believed.
type Timing struct {
	// Beat is how often a node says that it is alive, and Lease how long after each time that was acknowledged it may act.
	Beat, Lease time.Duration
	// Silence is after which silence a node is declared dead: longer than Lease, so that it does not act any more. Settled is how
	// long one's own lease must have lasted for that: after the servers chose a leader nobody judges before all could speak.
	Silence, Settled time.Duration
}

// DefaultTiming has the partitions of a dead node taken over within five seconds.
var DefaultTiming = Timing{Beat: time.Second, Lease: 3 * time.Second, Silence: 3200 * time.Millisecond, Settled: 4 * time.Second}

// heartbeatKept is how long the record of a node that says nothing more is kept.
const heartbeatKept = time.Minute

// look is how often a node looks what is to be done, if nothing happens.
const look = 200 * time.Millisecond

// Membership is a cluster.Membership by heartbeats and claims: a subject for each node, and one for each partition. Everything is
// written on the condition that it is still what was seen.
type Membership struct {
	store  *Store
	name   string
	timing Timing

	mu sync.Mutex
	// me is this node's name, with when it joined: one that was declared dead joins under a new one.
	me string
	// beat is the sequence of its last heartbeat.
	beat uint64
	// until is the end of the lease, and since the beginning of its unbroken time.
	until, since time.Time
	nodes        map[string]*member
	claims       [delivery.Partitions]claim
	// busy are the partitions that are being taken or released.
	busy    [delivery.Partitions]bool
	owned   [delivery.Partitions]bool
	leaving bool
	// own is what this node says of itself. sums gives the checksums in it, and differing are the names of those that other nodes have
	// otherwise.
	own       status
	sums      func() map[string]string
	differing []string
	changed   chan struct{}
	working   sync.WaitGroup
	counts    Counts
	// lapsed tells that the lease has run out.
	lapsed bool
}

// member is what is known of a node.
type member struct {
	sequence uint64
	seen     time.Time
	dead     bool
	sums     map[string]string
	moving   bool
}

// status is what a node says of itself.
type status struct {
	Dead bool `json:"dead,omitempty"`
	// Sums are checksums of what has to be the same on all nodes, by their names.
	Sums map[string]string `json:"sums,omitempty"`
	// Moving says that it is no node, and moves what is pending to another store: nobody may own anything meanwhile.
	Moving bool `json:"moving,omitempty"`
}

// Members makes the membership of a node, whose name is a token: letters, digits, - and _.
func (s *Store) Members(name string, timing Timing) *Membership {
	return &Membership{store: s, name: name, timing: timing, nodes: map[string]*member{}, changed: make(chan struct{}, 1)}
}

func (s *Store) membersStream() string { return strings.ToUpper(s.options.Prefix) + "_MEMBERS" }

func (s *Store) members(rest string) string { return s.options.Prefix + ".members." + rest }

func (s *Store) nodeSubject(node string) string { return s.members("n." + node) }

func (s *Store) claimSubject(partition int) string { return s.members("p." + strconv.Itoa(partition)) }

// Run takes part until ctx is done, and then leaves politely: it releases what it owns, and says that it is gone.
func (m *Membership) Run(ctx context.Context, owner cluster.Owner) error {
	watching := &reader{js: m.store.js, stream: m.store.membersStream(), filter: m.store.members(">")}
	if err := watching.all(ctx, m.note); err != nil {
		return err
	}
	// What a node does when it leaves is not cut off.
	alive, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { m.watch(alive, watching) })
	running.Go(func() { m.beats(alive, owner) })
	if m.sums != nil {
		// It is not waited for: a disk may hang.
		go m.sumUp(alive)
	}
	m.manage(ctx, owner)
	m.leave(alive, owner)
	cancel()
	running.Wait()
	return nil
}

// watch keeps what is known of the others.
func (m *Membership) watch(ctx context.Context, r *reader) {
	r.follow(ctx, m.note, func(err error) {
		m.store.seldom.warn(m.store.options.Logger, "the nodes cannot be watched now; it is tried again", slog.Any("error", err))
	})
}

// note keeps what a message says.
func (m *Membership) note(msg message) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	kind, name, _ := strings.Cut(strings.TrimPrefix(msg.subject, m.store.members("")), ".")
	switch kind {
	case "n":
		var said status
		_ = json.Unmarshal(msg.data, &said)
		if known := m.nodes[name]; known == nil || msg.sequence > known.sequence {
			m.nodes[name] = &member{sequence: msg.sequence, seen: time.Now(), dead: said.Dead, sums: said.Sums, moving: said.Moving}
			if known == nil || said.Dead || said.Moving {
				m.wake()
			}
		}
	case "p":
		p, err := strconv.Atoi(name)
		if err == nil && p >= 0 && p < delivery.Partitions && msg.sequence > m.claims[p].sequence {
			m.claims[p] = claim{string(msg.data), msg.sequence}
			m.wake()
		}
	}
	return true
}

// wake has it looked what is to be done. It is locked.
func (m *Membership) wake() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// beats says once a beat that this node is alive.
func (m *Membership) beats(ctx context.Context, owner cluster.Owner) {
	m.join()
	ticker := time.NewTicker(m.timing.Beat)
	defer ticker.Stop()
	for {
		m.beatOnce(ctx, owner)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// join takes a new name.
func (m *Membership) join() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.me, m.beat, m.since, m.until = fmt.Sprintf("%s-%d", m.name, time.Now().UnixMilli()), 0, time.Time{}, time.Time{}
}

// beatOnce sends a heartbeat, and extends the lease from when it was sent.
func (m *Membership) beatOnce(ctx context.Context, owner cluster.Owner) {
	m.mu.Lock()
	me, last, leaving, own := m.me, m.beat, m.leaving, m.own
	m.mu.Unlock()
	if leaving {
		return
	}
	sent := time.Now()
	data, _ := json.Marshal(own)
	// One that takes longer than a beat is given up: there is time for two more within the lease.
	brief, cancel := context.WithTimeout(ctx, m.timing.Beat)
	defer cancel()
	sequence, err := m.store.publish(brief, m.store.nodeSubject(me), "", last, data, heartbeatKept)
	if err != nil {
		if verdictOf(err) == stale {
			m.count(&m.counts.Refused)
			m.refused(ctx, owner, me)
		} else if ctx.Err() == nil {
			m.store.seldom.warn(m.store.options.Logger, "heartbeats are not acknowledged", slog.Any("error", err))
		}
		return
	}
	m.mu.Lock()
	m.beat = sequence
	m.lapsed = false
	if sent.After(m.until) {
		m.since = sent
	}
	m.until = sent.Add(m.timing.Lease)
	until := m.until
	moving := m.moves(sent)
	m.wake()
	m.mu.Unlock()
	if !moving {
		owner.Extend(until)
	}
}

// refused deals with a heartbeat that was not expected: an earlier one was taken and its acknowledgement lost, or this node was
// declared dead. The leader knows.
func (m *Membership) refused(ctx context.Context, owner cluster.Owner, me string) {
	sequence, isDead, err := m.said(ctx, me)
	if err != nil {
		return
	}
	if !isDead {
		m.mu.Lock()
		m.beat = sequence
		m.mu.Unlock()
		return
	}
	m.store.options.Logger.Warn("this node was declared dead, and joins anew", slog.String("node", me))
	m.mu.Lock()
	m.lapse()
	m.mu.Unlock()
	m.join()
	m.releaseAll(owner)
}

// manage judges the others, claims and releases.
func (m *Membership) manage(ctx context.Context, owner cluster.Owner) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.changed:
		case <-ticker.C:
		}
		m.judge(ctx)
		m.follow(ctx, owner)
	}
}

// judge declares dead who has been silent for too long, on the condition that it has been.
func (m *Membership) judge(ctx context.Context) {
	now := time.Now()
	silent := map[string]uint64{}
	m.mu.Lock()
	if !m.since.IsZero() && now.Before(m.until) && now.Sub(m.since) >= m.timing.Settled {
		for name, node := range m.nodes {
			if name != m.me && !node.dead && now.Sub(node.seen) > m.timing.Silence {
				silent[name] = node.sequence
			}
		}
	}
	for name, node := range m.nodes {
		if now.Sub(node.seen) > heartbeatKept {
			delete(m.nodes, name)
		}
	}
	m.mu.Unlock()
	data, _ := json.Marshal(status{Dead: true})
	for name, sequence := range silent {
		written, err := m.store.publish(ctx, m.store.nodeSubject(name), "", sequence, data, heartbeatKept)
		if err != nil {
			// It lives, or somebody was faster.
			continue
		}
		m.store.options.Logger.Warn("a node is declared dead", slog.String("node", name))
		m.count(&m.counts.Dead)
		m.note(message{m.store.nodeSubject(name), written, data})
	}
}
