package delivery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// A Queue whose Config.Shared is set shares the work with those of other processes over one store. It owns some of the
// partitions, attempts what is pending in them, and does so only within its lease: who owns what, package cluster decides.
// Without Shared everything is owned for ever.

// ErrEnded means that a notification has ended already: another process was faster.
var ErrEnded = errors.New("delivery: the notification has ended already")

// PartitionedStore is a Store that several processes use at once.
type PartitionedStore interface {
	Store
	// PendingIn yields the pending records of one partition, in any order. An error ends it.
	PendingIn(ctx context.Context, partition int) iter.Seq2[Record, error]
	// FindOf is Find of a record whose device is known, which costs less.
	FindOf(ctx context.Context, d Device, sid string) (Record, error)
}

// forever is the lease of a queue that shares nothing.
const forever = moment(math.MaxInt64)

// unownedRetry is how soon an attempt is tried again for which there was no lease.
const unownedRetry = 100 * time.Millisecond

// Take takes up a partition: what the store holds as pending in it is attempted, and from now on what Accept brings. Taking one
// that is owned is no error.
func (q *Queue) Take(ctx context.Context, number int) error {
	store, ok := q.config.Store.(PartitionedStore)
	if !ok {
		return errors.New("delivery: the store cannot be shared")
	}
	p := &q.partitions[number]
	p.mu.Lock()
	owned := p.owned
	p.owned = true
	p.mu.Unlock()
	if owned {
		return nil
	}
	for record, err := range store.PendingIn(ctx, number) {
		if err == nil {
			err = q.takeUp(record, false)
		}
		if err != nil {
			q.Release(number)
			return fmt.Errorf("delivery: reading what is pending of partition %d: %w", number, err)
		}
	}
	return nil
}

// Release lets a partition go: its attempts are cancelled and waited for, and the store keeps what is pending.
func (q *Queue) Release(number int) {
	p := &q.partitions[number]
	p.mu.Lock()
	p.owned = false
	p.withdraw()
	p.mu.Unlock()
	p.attempts.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		if e.once() == nil {
			q.remove(p, e)
		}
	}
}

// withdraw cancels the attempts of what is stored. The partition is locked.
func (p *partition) withdraw() {
	for _, e := range p.entries {
		if e.once() == nil && e.attempting() {
			e.running.withdrawn = true
			e.running.cancel()
		}
	}
}

// Owns tells whether a partition is owned.
func (q *Queue) Owns(number int) bool {
	p := &q.partitions[number]
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.owned
}

// Knows tells whether a notification is this process's: pending in a partition that it owns, or one with a TTL of 0 that it made.
func (q *Queue) Knows(sidText string) bool {
	key, err := parseSID(sidText)
	if err != nil {
		return false
	}
	if _, ended := q.recent.find(key.String()); ended {
		return true
	}
	for i := range q.partitions {
		p := &q.partitions[i]
		p.mu.Lock()
		_, ok := p.entries[key]
		p.mu.Unlock()
		if ok {
			return true
		}
	}
	return false
}

// Waits tells whether anything is pending here for a device.
func (q *Queue) Waits(d Device) bool {
	_, key := q.keys(&Notification{Device: d})
	p := q.partitionOf(d)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.devices[key] > 0
}

// Attempt is an attempt that another process's queue makes, for a channel of this one: the notification is valid for so long from
// now.
func (q *Queue) Attempt(n Notification, number int, remaining time.Duration) Attempt {
	left := min(remaining, n.Expires().Sub(q.clock.Now()))
	if n.TTL == 0 {
		left = q.config.AttemptTimeout
	}
	return Attempt{Notification: n, Number: number, Remaining: remaining, time: q.time, deadline: q.time.now().add(left)}
}

// Extend moves the time until which attempts may be made. When it is reached those under way are cancelled.
func (q *Queue) Extend(until time.Time) {
	q.leaseMu.Lock()
	defer q.leaseMu.Unlock()
	if q.stopLease != nil {
		q.stopLease()
	}
	left := until.Sub(q.clock.Now())
	q.until.Store(int64(q.time.now().add(left)))
	q.untilWall.Store(until.UnixNano())
	if q.ctx.Err() == nil {
		q.stopLease = q.clock.AfterFunc(max(left, 0), q.lapse)
	}
}

// lapse cancels what is under way at the end of the lease.
func (q *Queue) lapse() {
	if q.mayAct(q.time.now()) {
		// It was extended meanwhile.
		return
	}
	for i := range q.partitions {
		p := &q.partitions[i]
		p.mu.Lock()
		p.withdraw()
		p.mu.Unlock()
	}
}

// mayAct tells whether attempts may be made.
func (q *Queue) mayAct(now moment) bool {
	return int64(now) < q.until.Load() && (!q.config.Shared || q.clock.Now().UnixNano() < q.untilWall.Load())
}

// Accept is told of a record that some process has stored. What is pending in an owned partition is taken up, and what has
// ended is let go; all else, and what is known, is left alone.
func (q *Queue) Accept(record Record) error {
	if record.State == Pending {
		return q.takeUp(record, true)
	}
	key, err := parseSID(record.SID)
	if err != nil {
		return err
	}
	p := q.partitionOf(record.Device)
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[key]; e != nil && e.once() == nil {
		if e.attempting() {
			e.running.withdrawn = true
			e.running.cancel()
		}
		q.remove(p, e)
	}
	return nil
}

// takeUp makes an entry of a stored record, due at once unless its device is known to be offline. isNew tells that it was
// created now.
func (q *Queue) takeUp(record Record, isNew bool) error {
	e, err := q.newEntry(record.Notification)
	if err != nil {
		return err
	}
	p := q.partitionOf(record.Device)
	p.mu.Lock()
	defer p.mu.Unlock()
	isOurs := func() bool { return p.owned && p.entries[e.sid] == nil }
	if isNew && isOurs() {
		// Nothing that a caller gave is called with the lock.
		p.mu.Unlock()
		q.observe(EventCreated, record, Result{})
		p.mu.Lock()
	}
	if !isOurs() {
		return nil
	}
	presence, ok := q.poolOf(e).channel.(Presence)
	isAway := ok && !presence.Present(record.Device)
	if isAway {
		e.phase = waiting
	} else {
		e.wake = q.time.now()
	}
	q.pending.Add(1)
	p.devices[e.device]++
	if isNew && !isAway {
		e.phase, e.wake = attempting, e.deadline
		p.add(e)
		n := record.Notification
		q.submit(job{p, e, &n})
	} else {
		p.add(e)
	}
	q.setTimer(p)
	return nil
}
