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
	ctx, number, ok := q.beginAttempt(j)
	if !ok {
		return
	}
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
	if !p.holds(e) {
		// It was acknowledged meanwhile.
		p.mu.Unlock()
		return
	}
	attempt := e.attempt
	attempt.cancel()
	expired := attempt.expired || !e.once && q.clock.Now().UnixNano() >= e.expires
	if e.once {
		attempt.expired = false
	} else {
		e.attempt = nil
	}
	switch {
	case result.kind == resultDone:
		p.remove(e)
		p.mu.Unlock()
		if err := q.delivered(p, e, record); err != nil {
			q.config.Logger.Error("a delivery could not be recorded; it will be repeated", slog.String("sid", e.text()), slog.Any("error", err))
		}
	case expired || e.once && result.kind != resultSent && result.kind != resultGone:
		p.remove(e)
		p.mu.Unlock()
		q.expire([]*entry{e})
	case result.kind == resultGone:
		p.remove(e)
		p.mu.Unlock()
		q.failed(record, result)
	default:
		q.keep(p, e, result)
		p.mu.Unlock()
	}
}

// beginAttempt counts the attempt and gives its context; ok is false when there is nothing to try any more.
func (q *Queue) beginAttempt(j job) (ctx context.Context, number int, ok bool) {
	p, e := j.partition, j.entry
	p.mu.Lock()
	now := q.clock.Now().UnixNano()
	switch {
	case !p.holds(e) || q.ctx.Err() != nil:
		p.mu.Unlock()
		return nil, 0, false
	case now >= e.expires:
		// It waited for a worker for too long. Nothing is ever sent after its TTL.
		p.remove(e)
		if e.once {
			e.attempt = &running{notification: j.notification}
		}
		p.mu.Unlock()
		q.expire([]*entry{e})
		return nil, 0, false
	}
	defer p.mu.Unlock()
	limit := min(q.config.AttemptTimeout, time.Duration(e.expires-now))
	ctx, cancel := context.WithTimeout(q.ctx, limit)
	e.attempt = &running{cancel: cancel, notification: j.notification}
	e.attempts++
	e.last = now
	return ctx, int(e.attempts), true
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
	if e.once {
		remaining = 0
	}
	return channel.Deliver(ctx, Attempt{Notification: record.Notification, Number: record.Attempts, Remaining: remaining})
}

// failed records that no attempt will succeed.
func (q *Queue) failed(record Record, result Result) {
	record.State, record.Ended, record.Reason = Failed, q.clock.Now(), result.reason
	if err := q.end(record); err != nil {
		q.config.Logger.Error("a failed notification could not be recorded", slog.String("sid", record.SID), slog.Any("error", err))
	}
	q.observe(EventFailed, record, result)
}

// keep decides when an entry is tried again. The partition is locked.
func (q *Queue) keep(p *partition, e *entry, result Result) {
	woken := e.woken
	e.woken = false
	switch {
	case woken:
		q.submit(job{partition: p, entry: e})
		return
	case result.kind == resultWaiting || result.kind == resultSent:
		e.phase = waiting
		p.reschedule(e, e.expires)
	default:
		e.phase = scheduled
		wait := max(result.after, Backoff(int(e.attempts), q.config.Random()))
		p.reschedule(e, min(q.clock.Now().Add(wait).UnixNano(), e.expires))
	}
	q.setTimer(p)
}
