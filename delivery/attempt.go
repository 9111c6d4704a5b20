package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
)

// runAttempt makes one attempt and does what its result asks for.
func (q *Queue) runAttempt(j job) outcome {
	p, e := j.partition, j.entry
	ctx, cancel, number, isStored := q.beginAttempt(j)
	if cancel == nil {
		return outcome{}
	}
	if isStored {
		defer p.attempts.Done()
	}
	defer cancel()
	channel := q.poolOf(e).channel
	record, err := q.load(e, j.notification)
	if err == nil && record.State != Pending {
		// It has ended, and whoever ended it was not told.
		p.mu.Lock()
		defer p.mu.Unlock()
		e.endAttempt()
		if p.holds(e) {
			q.remove(p, e)
		}
		return outcome{}
	}
	var result Result
	var g grave
	if err != nil {
		result = Again(0, "the store does not answer")
		q.config.Logger.Error("a notification could not be read", slog.String("sid", e.text()), slog.Any("error", err))
	} else {
		record.Attempts = number
		// By the settings of the attempt: they may change meanwhile.
		g = q.graveOf(&record.Notification)
		if _, dead := q.buried(g); dead {
			result = Impossible("the address is dead")
		} else {
			result = q.deliver(ctx, channel, record, e)
		}
		q.observe(EventAttempted, record, result)
	}
	if result.dead {
		q.bury(g, record, result)
	}
	learnt := outcome{attempted: err == nil && q.ctx.Err() == nil && !result.unasked, result: result, address: record.Address}

	p.mu.Lock()
	ended, withdrawn := e.running.expired, e.running.withdrawn
	e.endAttempt()
	next := nothing
	if p.holds(e) {
		e.reason = q.reasons.number(result.reason)
		// That its own time was over says nothing of the receiver.
		learnt.interrupted = ended || withdrawn
		q.findPool(e, &record.Notification)
		once := e.once() != nil
		next = decide(result.kind, once, ended || !once && q.time.now() >= e.deadline)
		if next == wait {
			q.settle(p, e, result)
		} else {
			q.remove(p, e)
		}
	}
	p.mu.Unlock()

	switch next {
	case deliver:
		_ = q.complete(p, e, record, Delivered, "")
	case fail:
		_ = q.complete(p, e, record, Failed, result.reason)
	case expire:
		q.expire([]*entry{e})
	}
	return learnt
}

// decision is what becomes of an entry after an attempt.
type decision int

const (
	// nothing: it was acknowledged meanwhile.
	nothing decision = iota
	// wait: for another attempt, its device, or its acknowledgement.
	wait
	deliver
	fail
	expire
)

// decide decides by the result: whether the notification is tried only once, and whether its time is over.
func decide(result resultKind, once, expired bool) decision {
	switch {
	case result == resultDone:
		// It arrived, late or not.
		return deliver
	case expired:
		return expire
	case result == resultGone:
		return fail
	case once && result != resultSent:
		return expire
	}
	return wait
}

// beginAttempt counts the attempt and gives its context, and whether it is of what is stored; cancel is nil when there is nothing to
// try any more.
func (q *Queue) beginAttempt(j job) (ctx context.Context, cancel context.CancelFunc, number int, isStored bool) {
	p, e := j.partition, j.entry
	p.mu.Lock()
	now := q.time.now()
	switch {
	case !p.holds(e) || e.attempting() || q.ctx.Err() != nil:
		p.mu.Unlock()
		return nil, nil, 0, false
	case now >= e.deadline:
		// It waited for a worker for too long. Nothing is ever sent after its TTL.
		q.remove(p, e)
		p.mu.Unlock()
		q.expire([]*entry{e})
		return nil, nil, 0, false
	case e.once() == nil && (!p.owned || !q.mayAct(now)):
		e.phase = scheduled
		p.reschedule(e, min(now.add(unownedRetry), e.deadline))
		q.setTimer(p)
		p.mu.Unlock()
		return nil, nil, 0, false
	}
	defer p.mu.Unlock()
	if isStored = e.once() == nil; isStored {
		p.attempts.Add(1)
	} else {
		// The time that it has counts from its attempt.
		e.deadline = now.add(q.config.AttemptTimeout)
		p.reschedule(e, e.deadline)
		q.setTimer(p)
	}
	ctx, cancel = context.WithTimeout(q.ctx, min(q.config.AttemptTimeout, e.deadline.sub(now)))
	if e.running == nil {
		e.running = &running{}
	}
	e.running.cancel = cancel
	if e.attempts < math.MaxUint16 {
		e.attempts++
	}
	e.last = q.clock.Now().UnixNano()
	return ctx, cancel, int(e.attempts), isStored
}

// deliver calls the channel; its panic is a failed attempt.
func (q *Queue) deliver(ctx context.Context, channel Channel, record Record, e *entry) (result Result) {
	defer func() {
		if v := recover(); v != nil {
			q.config.Logger.Error("a channel panicked", slog.String("sid", record.SID), slog.String("panic", fmt.Sprintf("%v\n%s", v, debug.Stack())))
			result = Again(0, "the channel failed")
		}
	}()
	a := Attempt{Notification: record.Notification, Number: record.Attempts, time: q.time, deadline: e.deadline}
	if e.once() == nil {
		a.Remaining = e.deadline.sub(q.time.now())
	}
	return channel.Deliver(ctx, a)
}

// complete records that an entry, which was removed from its partition, was delivered or has failed, and tells. If it cannot
// be recorded the entry is taken back, to be tried again: the SID tells the device that it is the same.
func (q *Queue) complete(p *partition, e *entry, record Record, state State, reason string) error {
	record.State, record.Ended, record.Reason = state, q.clock.Now(), reason
	if err := q.storeOutcome(record); errors.Is(err, ErrEnded) {
		return nil
	} else if err != nil {
		q.config.Logger.Error("an outcome could not be recorded; the notification is tried again",
			slog.String("sid", record.SID), slog.String("state", string(state)), slog.Any("error", err))
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.owned || p.entries[e.sid] != nil {
			// It is another process's, or was taken up again meanwhile.
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		e.wake = e.deadline
		if !e.attempting() {
			e.phase = scheduled
			e.wake = min(q.time.now().add(firstRetry), e.deadline)
		}
		q.add(p, e)
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

// settle decides when an entry is tried again. The partition is locked.
func (q *Queue) settle(p *partition, e *entry, result Result) {
	woken := e.woken
	e.woken = false
	onDevice := result.kind == resultWaiting || result.kind == resultSent
	switch {
	case onDevice && woken && e.once() == nil:
		q.submit(job{partition: p, entry: e})
		return
	case onDevice:
		e.phase = waiting
		p.reschedule(e, e.deadline)
	default:
		e.phase = scheduled
		wait := max(result.after, Backoff(int(e.attempts), q.config.Random()))
		p.reschedule(e, min(q.time.now().add(wait), e.deadline))
	}
	q.setTimer(p)
}

// load reads the notification of an entry, with the entry's own count of attempts.
func (q *Queue) load(e *entry, n *Notification) (Record, error) {
	var record Record
	switch {
	case n != nil:
		record = Record{Notification: *n, State: Pending}
	case e.once() != nil:
		record = Record{Notification: *e.once(), State: Pending}
	default:
		var err error
		if record, err = q.config.Store.Find(q.ctx, e.text()); err != nil {
			return Record{}, err
		}
	}
	record.Attempts, record.LastAttempt = int(e.attempts), fromNanos(e.last)
	return record, nil
}

// storeOutcome records final states: in the store, or in memory for what is stored nowhere.
func (q *Queue) storeOutcome(records ...Record) error {
	stored := records[:0:0]
	for _, record := range records {
		if record.TTL == 0 {
			q.recent.add(record)
			continue
		}
		stored = append(stored, record)
	}
	if len(stored) == 0 {
		return nil
	}
	return q.config.Store.End(context.WithoutCancel(q.ctx), stored...)
}

func (q *Queue) observe(t EventType, record Record, result Result) {
	event := Event{Type: t, Time: q.clock.Now(), Record: record}
	if t == EventAttempted {
		event.Result, event.Reason = result.String(), result.Reason()
	}
	q.config.Observe(event)
}

// destinationChanged tells what a destination has begun.
func (q *Queue) destinationChanged(channel string, c change) {
	event := Event{Type: c.event, Time: q.clock.Now(), Destination: destinationName(q.channelOf(channel), c.address), Channel: channel}
	level, message := slog.LevelWarn, "a destination works again"
	switch c.event {
	case EventDestinationFails:
		event.Reason = c.reason
		message = "a destination fails: one attempt at a time probes it"
	case EventCredentialsRefused:
		event.Reason = c.reason
		level, message = slog.LevelError, "a destination does not take this server's credentials or settings: nothing is delivered there until that is mended"
	case EventCredentialsAccepted:
		message = "a destination takes this server's credentials and settings again"
	}
	q.config.Logger.Log(q.ctx, level, message,
		slog.String("channel", channel), slog.String("destination", event.Destination), slog.String("reason", event.Reason))
	q.config.Observe(event)
}
