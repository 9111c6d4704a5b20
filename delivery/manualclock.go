package delivery

import (
	"container/heap"
	"sync"
	"time"
)

// ManualClock is a clock that a test moves.
type ManualClock struct {
	// Settle, if any, is called after each callback, so that what the callback started is over before the time goes on.
	Settle func()

	// advancing lets one Advance move the clock at a time.
	advancing sync.Mutex

	mu sync.Mutex
	// wall is the wall time at the start, with what Set has changed since.
	wall    time.Time
	elapsed time.Duration
	timers  timerHeap
	serial  int
}

// NewManualClock returns a clock that stands at now.
func NewManualClock(now time.Time) *ManualClock { return &ManualClock{wall: now.Round(0)} }

// Now is where the clock stands.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall.Add(c.elapsed)
}

// Elapsed is how far the clock was moved so far.
func (c *ManualClock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// Step changes the wall time by d, as somebody who sets a clock does: no time elapses.
func (c *ManualClock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// Sleep lets d elapse as a machine does that sleeps: timers do not notice, and are late by d.
func (c *ManualClock) Sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.elapsed += d
	for _, timer := range c.timers {
		timer.at += d
	}
}

// AfterFunc calls f when the clock is moved past d from now, in the goroutine that moves it.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	timer := &manualTimer{at: c.elapsed + max(d, 0), serial: c.serial, f: f}
	heap.Push(&c.timers, timer)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if timer.index >= 0 {
			heap.Remove(&c.timers, timer.index)
		}
	}
}

// Advance moves the clock by d and calls back what is due on the way, in order, each at its own time.
func (c *ManualClock) Advance(d time.Duration) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	c.mu.Lock()
	end := c.elapsed + d
	c.mu.Unlock()
	c.settle()
	for {
		c.mu.Lock()
		if len(c.timers) == 0 || c.timers[0].at > end {
			c.elapsed = max(c.elapsed, end)
			c.mu.Unlock()
			return
		}
		timer := heap.Pop(&c.timers).(*manualTimer)
		c.elapsed = max(c.elapsed, timer.at)
		c.mu.Unlock()
		timer.f()
		c.settle()
	}
}

func (c *ManualClock) settle() {
	if c.Settle != nil {
		c.Settle()
	}
}

type manualTimer struct {
	at     time.Duration
	serial int
	index  int
	f      func()
}

// timerHeap orders timers by time, and those of one time by the order in which they were set.
type timerHeap []*manualTimer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].serial < h[j].serial
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	timer := x.(*manualTimer)
	timer.index = len(*h)
	*h = append(*h, timer)
}
func (h *timerHeap) Pop() any {
	old := *h
	timer := old[len(old)-1]
	old[len(old)-1] = nil
	timer.index = -1
	*h = old[:len(old)-1]
	return timer
}
