package delivery

import (
	"context"
	"errors"
	"fmt"
)

// Find gives what became of a notification; the error is ErrNotFound when none has this SID, or not any more.
func (q *Queue) Find(ctx context.Context, sidText string) (Record, error) {
	return q.find(sidText, func() (Record, error) { return q.config.Store.Find(ctx, sidText) })
}

// findOf is Find for a device, which may have it or not.
func (q *Queue) findOf(ctx context.Context, d Device, sidText string) (Record, error) {
	store, ok := q.config.Store.(PartitionedStore)
	if !ok {
		return q.Find(ctx, sidText)
	}
	return q.find(sidText, func() (Record, error) { return store.FindOf(ctx, d, sidText) })
}

func (q *Queue) find(sidText string, lookUp func() (Record, error)) (Record, error) {
	key, err := parseSID(sidText)
	if err != nil {
		return Record{}, ErrNotFound
	}
	record, ended := q.recent.find(key.String())
	if ended {
		return q.kept(record)
	}
	record, err = lookUp()
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Record{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	stored := err == nil
	if stored && record.State != Pending {
		return q.kept(record)
	}
	if stored {
		p := q.partitionOf(record.Device)
		p.mu.Lock()
		defer p.mu.Unlock()
		if e := p.entries[key]; e != nil {
			record.Attempts, record.LastAttempt = int(e.attempts), fromNanos(e.last)
			if record.Reason = q.reasons.text(e.reason); record.Reason == "" && !e.attempting() && q.poolOf(e).fails(e.destination) {
				record.Reason = "it waits: its destination fails, and one attempt at a time probes it"
			}
		}
		return record, nil
	}
	if record, ok := q.unstored.find(key); ok {
		return record, nil
	}
	// It may have ended meanwhile.
	if record, ended = q.recent.find(key.String()); ended {
		return q.kept(record)
	}
	return Record{}, ErrNotFound
}

// kept gives an outcome until Retention is over: a store forgets it some time after.
func (q *Queue) kept(record Record) (Record, error) {
	if q.clock.Now().Sub(record.Ended) > Retention {
		return Record{}, ErrNotFound
	}
	return record, nil
}
