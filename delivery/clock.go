package delivery

import "time"

// Clock tells the wall time and calls back later.
type Clock interface {
	// Now is the wall time. It may be set, to any time.
	Now() time.Time
	// AfterFunc calls f once, when d has elapsed, unless stop is called before.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// ElapsedClock is a Clock that also tells how much time has elapsed since some moment, whatever becomes of the wall time:
// deadlines are kept by it. Without it a Queue takes the time of its own ticks, which is right to a second.
type ElapsedClock interface {
	Clock
	Elapsed() time.Duration
}

// SystemClock is the real time. Time in which the machine sleeps has not elapsed.
type SystemClock struct{}

// started is what Elapsed counts from.
var started = time.Now()

// Now is time.Now.
func (SystemClock) Now() time.Time { return time.Now() }

// Elapsed is the process's monotonic time.
func (SystemClock) Elapsed() time.Duration { return time.Since(started) }

// AfterFunc is time.AfterFunc.
func (SystemClock) AfterFunc(d time.Duration, f func()) (stop func()) {
	timer := time.AfterFunc(d, f)
	return func() { timer.Stop() }
}
