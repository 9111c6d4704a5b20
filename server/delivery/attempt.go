package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// runAttempt makes one attempt and does what its result asks for.
func (q *Queue) runAttempt(l *lane, j job) {
	defer q.busy.end()
	p, e := j.partition, j.entry
	ctx, mine, number := q.beginAttempt(j)
	if mine == nil {
		return
	}
	defer mine.cancel()
	record, err := q.record(e, j.notification)
	var result Result
	if err != nil {
		result = Again(0, "the store does not answer")
		q.config.Logger.Error("a notification could not be read", slog.String("sid", e.text()), slog.Any("error", err))
	} else {
		record.Attempts = number
		result = q.deliver(ctx, l.channel, record, e)
		q.observe(EventAttempted, record, result)
	}

	p.mu.Lock()
	e.attempt = nil
	if !p.holds(e) {
		// It was acknowledged meanwhile.
		p.mu.Unlock()
		return
	}
	expired := mine.expired || e.once == nil && q.clock.Now().UnixNano() >= e.expires
	switch {
	case result.kind == resultDone:
		p.remove(e)
		p.mu.Unlock()
		_ = q.finish(p, e, record, Delivered, "")
	case result.kind == resultGone && !expired:
		p.remove(e)
		p.mu.Unlock()
		_ = q.finish(p, e, record, Failed, result.reason)
	case expired || e.once != nil && result.kind != resultSent:
		p.remove(e)
		p.mu.Unlock()
		q.expire([]*entry{e})
	default:
		q.keep(p, e, result)
		p.mu.Unlock()
	}
}

// beginAttempt counts the attempt and gives its context; mine is nil when there is nothing to try any more.
func (q *Queue) beginAttempt(j job) (ctx context.Context, mine *running, number int) {
	p, e := j.partition, j.entry
	p.mu.Lock()
	now := q.clock.Now().UnixNano()
	switch {
	case !p.holds(e) || q.ctx.Err() != nil:
		p.mu.Unlock()
		return nil, nil, 0
	case now >= e.expires:
		// It waited for a worker for too long. Nothing is ever sent after its TTL.
		p.remove(e)
		p.mu.Unlock()
		q.expire([]*entry{e})
		return nil, nil, 0
	}
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(q.ctx, min(q.config.AttemptTimeout, time.Duration(e.expires-now)))
	e.attempt = &running{cancel: cancel}
	e.attempts++
	e.last = now
	return ctx, e.attempt, int(e.attempts)
}

// deliver calls the channel; its panic is a failed attempt.
func (q *Queue) deliver(ctx context.Context, channel Channel, record Record, e *entry) (result Result) {
	defer func() {
		if v := recover(); v != nil {
			q.config.Logger.Error("a channel panicked", slog.String("sid", record.SID), slog.String("panic", fmt.Sprintf("%v\n%s", v, debug.Stack())))
			result = Again(0, "the channel failed")
		}
	}()
	remaining := time.Duration(e.expires - q.clock.Now().UnixNano())
	if e.once != nil {
		remaining = 0
	}
	return channel.Deliver(ctx, Attempt{Notification: record.Notification, Number: record.Attempts, Remaining: remaining})
}

// finish records that an entry, which was removed from its partition, was delivered or has failed, and tells. If it cannot
// be recorded the entry is taken back, to be tried again: the SID tells the device that it is the same.
func (q *Queue) finish(p *partition, e *entry, record Record, state State, reason string) error {
	record.State, record.Ended, record.Reason = state, q.clock.Now(), reason
	if err := q.end(record); err != nil {
		q.config.Logger.Error("an outcome could not be recorded; the notification is tried again",
			slog.String("sid", record.SID), slog.String("state", string(state)), slog.Any("error", err))
		p.mu.Lock()
		defer p.mu.Unlock()
		e.wake = e.expires
		if e.attempt == nil {
			e.phase = scheduled
			e.wake = min(q.clock.Now().Add(firstRetry).UnixNano(), e.expires)
		}
		p.add(e)
		q.setTimer(p)
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	event := EventDelivered
	if state == Failed {
		event = EventFailed
	}
	q.observe(event, record, Result{})
	return nil
}

// keep decides when an entry is tried again. The partition is locked.
func (q *Queue) keep(p *partition, e *entry, result Result) {
	woken := e.woken
	e.woken = false
	onDevice := result.kind == resultWaiting || result.kind == resultSent
	switch {
	case onDevice && woken && e.once == nil:
		q.submit(job{partition: p, entry: e})
		return
	case onDevice:
		e.phase = waiting
		p.reschedule(e, e.expires)
	default:
		e.phase = scheduled
		wait := max(result.after, Backoff(int(e.attempts), q.config.Random()))
		p.reschedule(e, min(q.clock.Now().Add(wait).UnixNano(), e.expires))
	}
	q.setTimer(p)
}
