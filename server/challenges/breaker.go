package challenges

import (
	"sync"
	"time"
)

const (
	// failuresToOpen is after how many failures in a row the service is left alone.
	failuresToOpen = 5
	// firstRest is how long at first, and longestRest at most.
	firstRest   = time.Second
	longestRest = 30 * time.Second
)

// breaker leaves a service alone that fails, but for one lookup at a time that probes it.
type breaker struct {
	mu       sync.Mutex
	failures int
	// probe is when the next lookup may be made.
	probe time.Time
}

// isOpen tells whether the service is left alone.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures >= failuresToOpen
}

// wait gives how long the service is to be left alone; 0 or less to ask it now. Whoever may ask is the one who probes it.
func (b *breaker) wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < failuresToOpen {
		return 0
	}
	// A clock that was set back does not keep it away.
	if wait := min(b.probe.Sub(now), longestRest); wait > 0 {
		return wait
	}
	b.probe = now.Add(b.rest())
	return 0
}

// rest is how long the service is left alone after so many failures.
func (b *breaker) rest() time.Duration {
	rest := firstRest
	for n := failuresToOpen; n < b.failures && rest < longestRest; n++ {
		rest *= 2
	}
	return min(rest, longestRest)
}

// failed is told that the service gave no answer, and for how long it asked to be left alone; it tells whether that is from now on.
func (b *breaker) failed(now time.Time, after time.Duration) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.probe = now.Add(max(after, b.rest()))
	return b.failures == failuresToOpen
}

// worked is told of an answer; it tells whether the service was left alone before.
func (b *breaker) worked() (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	closed = b.failures >= failuresToOpen
	b.failures = 0
	return closed
}
