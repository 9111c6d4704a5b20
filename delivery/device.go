package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Position is a place in the order of what is pending for a device. The zero Position is before the first.
type Position struct {
	Expires time.Time
	SID     string
}

// PositionOf is the place of a notification.
func PositionOf(n Notification) Position { return Position{n.Expires(), n.SID} }

// Before tells whether p comes before other.
func (p Position) Before(other Position) bool {
	return p.Expires.Before(other.Expires) || p.Expires.Equal(other.Expires) && p.SID < other.SID
}

// Wake tries again what waits for a device, all of it: it has just connected. What is to be tried at a certain time is
// left alone.
func (q *Queue) Wake(ctx context.Context, d Device) error {
	for after, more := (Position{}), true; more; {
		var err error
		if after, more, err = q.WakeSome(ctx, d, after, 1000); err != nil {
			return err
		}
	}
	return nil
}

// WakeSome is Wake of at most limit notifications, the first to expire first, behind the position after. Their attempts are
// over when it returns: they are made by the caller, so that a device that has much takes no turn of another's. It gives the
// position to go on from, and whether there may be more.
func (q *Queue) WakeSome(ctx context.Context, d Device, after Position, limit int) (last Position, more bool, err error) {
	p := q.partitionOf(d)
	n := 0
	for record, err := range q.config.Store.DevicePending(ctx, d, after) {
		if err != nil {
			return after, false, fmt.Errorf("delivery: reading what is pending for a device: %w", err)
		}
		key, err := parseSID(record.SID)
		if err != nil {
			return after, false, err
		}
		q.wake(p, key, record.Notification)
		after = PositionOf(record.Notification)
		if n++; n == limit {
			return after, true, nil
		}
	}
	return after, false, nil
}

// wake makes an attempt for an entry that waits for its device.
func (q *Queue) wake(p *partition, key sid, n Notification) {
	p.mu.Lock()
	known := p.entries[key]
	if known == nil || known.phase != waiting {
		if known != nil && known.phase == attempting {
			known.woken = true
		}
		p.mu.Unlock()
		return
	}
	q.prepare(p, known)
	q.busy.begin(1)
	p.mu.Unlock()
	defer q.busy.end(1)
	q.runAttempt(job{p, known, &n})
}

// Acknowledge ends a notification as delivered: the device says that it has it. Doing it again, at once or later, is no
// error. The error is ErrNotFound when the device has no such notification, or not any more, or when its channel is none
// that devices connect to.
func (q *Queue) Acknowledge(ctx context.Context, d Device, sidText string) error {
	key, err := parseSID(sidText)
	if err != nil {
		return ErrNotFound
	}
	p := q.partitionOf(d)
	for lookedAgain := false; ; {
		record, err := q.findOf(ctx, d, sidText)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		found := err == nil && record.Device == d
		if found && record.State == Delivered {
			return nil
		}
		p.mu.Lock()
		if recording := p.acknowledging[key]; recording != nil {
			p.mu.Unlock()
			// The outcome of that one is the answer to this one too.
			select {
			case <-recording:
				continue
			case <-ctx.Done():
				return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
			}
		}
		known := p.entries[key]
		if known == nil && !lookedAgain {
			p.mu.Unlock()
			// It may have been acknowledged since it was looked for.
			lookedAgain = true
			continue
		}
		if known == nil || !found || record.State != Pending || !q.acknowledgeable(known) {
			p.mu.Unlock()
			return ErrNotFound
		}
		done := make(chan struct{})
		p.acknowledging[key] = done
		q.remove(p, known)
		p.mu.Unlock()
		err = q.complete(p, known, record, Delivered, "")
		p.mu.Lock()
		delete(p.acknowledging, key)
		p.mu.Unlock()
		close(done)
		return err
	}
}

// acknowledgeable tells whether a device may still acknowledge an entry. The partition is locked.
func (q *Queue) acknowledgeable(e *entry) bool {
	if _, connected := q.poolOf(e).channel.(Presence); !connected {
		return false
	}
	return e.once() != nil || q.time.now() < e.deadline
}
