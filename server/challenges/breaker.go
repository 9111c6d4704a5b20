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
	// longestAsked is how long the service can ask to be left alone.
	longestAsked = time.Minute
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

// wait gives how long the service is to be left alone; 0 to ask it now. Whoever may ask one that fails is the one who probes it.
func (b *breaker) wait(now time.Time) (wait time.Duration, isProbe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < failuresToOpen {
		return 0, false
	}
	wait = b.probe.Sub(now)
	if wait > 0 && wait <= longestAsked {
		return wait, false
	}
	// It is time, or the clock was set back.
	b.probe = now.Add(b.rest())
	return 0, true
}

// rest is how long the service is left alone after so many failures.
func (b *breaker) rest() time.Duration {
	rest := firstRest
	for n := failuresToOpen; n < b.failures && rest < longestRest; n++ {
		rest *= 2
	}
	return min(rest, longestRest)
}

// failed is told that the service gave no answer, and for how long it asked to be left alone; it tells whether that is from now on. What
// was asked before it was left alone, and is not a probe, says nothing new.
func (b *breaker) failed(now time.Time, after time.Duration, isProbe bool) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures >= failuresToOpen && !isProbe {
		return false
	}
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
