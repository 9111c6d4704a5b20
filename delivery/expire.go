package delivery

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// expirer ends what has expired. Many may expire at once, in all partitions: they are collected and ended together, in the
// order in which the store has them.
type expirer struct {
	mu      sync.Mutex
	waiting []*entry
	working bool
}

// A few are read from the store one by one; more are read by going through all that expire in their time. They are ended
// in parts.
const (
	fewExpired  = 16
	partExpired = 1000
	// endedAtOnce is how many are ended at once where each is by itself.
	endedAtOnce = 64
)

// expire ends entries that were removed from their partition because their TTL elapsed.
func (q *Queue) expire(entries []*entry) {
	if len(entries) == 0 {
		return
	}
	q.expirer.mu.Lock()
	q.expirer.waiting = append(q.expirer.waiting, entries...)
	if q.expirer.working {
		q.expirer.mu.Unlock()
		return
	}
	q.expirer.working = true
	q.expirer.mu.Unlock()
	q.busy.begin(1)
	go q.expireWaiting()
}

// expireWaiting ends what was collected, until nothing is.
func (q *Queue) expireWaiting() {
	defer q.busy.end(1)
	for {
		q.expirer.mu.Lock()
		entries := q.expirer.waiting
		q.expirer.waiting = nil
		q.expirer.working = len(entries) > 0
		q.expirer.mu.Unlock()
		if len(entries) == 0 {
			return
		}
		if len(entries) <= fewExpired {
			q.expireFew(entries)
		} else {
			q.expireMany(entries)
		}
	}
}

func (q *Queue) expireFew(entries []*entry) {
	records := make([]Record, 0, len(entries))
	for _, e := range entries {
		record, err := q.load(e, nil)
		if err != nil {
			// Not by its SID, perhaps by its time.
			q.expireMany([]*entry{e})
			continue
		}
		record.Reason = q.reasons.text(e.reason)
		records = append(records, record)
	}
	q.endExpired(records)
}

func (q *Queue) expireMany(entries []*entry) {
	wanted := make(map[string]*entry, len(entries))
	var first, last int64
	for _, e := range entries {
		if e.once() != nil {
			q.expireFew([]*entry{e})
			continue
		}
		wanted[e.text()] = e
		if first == 0 || e.expires < first {
			first = e.expires
		}
		last = max(last, e.expires)
	}
	for from := fromNanos(first); len(wanted) > 0; {
		part := q.readExpired(wanted, from, fromNanos(last).Add(time.Nanosecond))
		if len(part) == 0 {
			break
		}
		// What was ended is not pending any more: going on at the same time repeats nothing.
		from = part[len(part)-1].Expires()
		q.endExpired(part)
	}
	for _, e := range wanted {
		q.config.Logger.Error("a notification expired and could not be read", slog.String("sid", e.text()))
	}
}

// readExpired reads the first of the wanted notifications that expire between two times, and takes them off the list.
// The store is let go before they are ended.
func (q *Queue) readExpired(wanted map[string]*entry, from, to time.Time) []Record {
	part := make([]Record, 0, min(len(wanted), partExpired))
	for record, err := range q.config.Store.Pending(q.ctx, from, to) {
		if err != nil {
			q.config.Logger.Error("expired notifications could not be read", slog.Any("error", err))
			break
		}
		e := wanted[record.SID]
		if e == nil {
			continue
		}
		delete(wanted, record.SID)
		record.Attempts, record.LastAttempt = int(e.attempts), fromNanos(e.last)
		record.Reason = q.reasons.text(e.reason)
		if part = append(part, record); len(part) == partExpired {
			break
		}
	}
	return part
}

// eachExpired ends records one by one, some at once.
func (q *Queue) eachExpired(records []Record) {
	var ending sync.WaitGroup
	for part := range slices.Chunk(records, (len(records)+endedAtOnce-1)/endedAtOnce) {
		ending.Go(func() {
			for _, record := range part {
				q.endExpired([]Record{record})
			}
		})
	}
	ending.Wait()
}

// endExpired records that notifications expired, and tells.
func (q *Queue) endExpired(records []Record) {
	now := q.clock.Now()
	for i := range records {
		records[i].State, records[i].Ended = Expired, now
	}
	if q.config.Shared && len(records) > 1 {
		// Others may have ended some of them: each has an answer of its own.
		q.eachExpired(records)
		return
	}
	err := q.storeOutcome(records...)
	if errors.Is(err, ErrEnded) {
		return
	}
	if err != nil {
		// The store still has them as pending; they expire again at the next start.
		q.config.Logger.Error("expired notifications could not be recorded", slog.Int("count", len(records)), slog.Any("error", err))
		return
	}
	for _, record := range records {
		q.observe(EventExpired, record, Result{})
	}
}
