package ops

import (
	"slices"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// maxFailures is how many of the last failures the page shows.
const maxFailures = 20

// recent is what happened lately: how often what did in each second of the last minute, and the last failures.
type recent struct {
	mu       sync.Mutex
	seconds  [60]second
	failures []delivery.Event
}

type second struct {
	at     int64
	counts map[delivery.EventType]int
}

// failing are the events that somebody may have to do something about.
var failing = []delivery.EventType{delivery.EventFailed, delivery.EventExpired, delivery.EventDestinationFails, delivery.EventAddressDead, delivery.EventCredentialsRefused}

func (r *recent) add(e delivery.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now().Unix()
	s := &r.seconds[now%int64(len(r.seconds))]
	if s.at != now || s.counts == nil {
		*s = second{at: now, counts: map[delivery.EventType]int{}}
	}
	s.counts[e.Type]++
	if slices.Contains(failing, e.Type) {
		if len(r.failures) == maxFailures {
			r.failures = slices.Delete(r.failures, 0, 1)
		}
		r.failures = append(r.failures, e)
	}
}

// lastMinute is how often what happened, and failed the last failures, the newest first.
func (r *recent) lastMinute() (counts map[delivery.EventType]int, failed []delivery.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts = map[delivery.EventType]int{}
	for _, s := range r.seconds {
		if time.Now().Unix()-s.at < int64(len(r.seconds)) {
			for kind, n := range s.counts {
				counts[kind] += n
			}
		}
	}
	failed = slices.Clone(r.failures)
	slices.Reverse(failed)
	return counts, failed
}
