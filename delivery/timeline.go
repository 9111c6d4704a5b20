package delivery

import (
	"log/slog"
	"sync"
	"time"
)

// tick is how often a queue looks at its clocks.
const tick = time.Second

// plausible is how much more or less than a tick the wall time may show at a look before it counts as set.
const plausible = time.Second

// moment is a point of elapsed time, in nanoseconds. Deadlines are moments: setting the wall clock does not move them. The
// wall time of a notification stands in the store only.
type moment int64

func (m moment) add(d time.Duration) moment { return m + moment(d) }

func (m moment) sub(other moment) time.Duration { return time.Duration(m - other) }

// timeline gives the moments of a clock.
type timeline struct {
	clock   Clock
	elapsed func() time.Duration

	mu sync.Mutex
	// looked and wall are the moment and the wall time of the last look; steps counts how often the wall time was set.
	looked moment
	wall   time.Time
	steps  int
}

func newTimeline(clock Clock) *timeline {
	t := &timeline{clock: clock, wall: clock.Now()}
	if c, ok := clock.(ElapsedClock); ok {
		t.elapsed = c.Elapsed
		t.looked = moment(c.Elapsed())
	}
	return t
}

func (t *timeline) now() moment {
	if t.elapsed != nil {
		return moment(t.elapsed())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sinceLook(t.clock.Now())
}

// sinceLook is the moment by a clock that tells the wall time only: between two looks it is believed up to a tick.
func (t *timeline) sinceLook(wall time.Time) moment {
	return t.looked.add(min(max(wall.Sub(t.wall), 0), tick))
}

// deadline is the moment at which a notification expires, seen from now: never later than its TTL from now.
func (t *timeline) deadline(n Notification) moment {
	return t.now().add(min(n.Expires().Sub(t.clock.Now()), n.TTL))
}

// look is called once a tick. It tells by how much the wall time was set since the last one, and whether timers are late:
// the machine was asleep, or busy.
func (t *timeline) look(log *slog.Logger) (late bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wall := t.clock.Now()
	// Without the monotonic reading that time.Now has.
	passed := wall.Round(0).Sub(t.wall.Round(0))
	now := t.looked.add(tick)
	if t.elapsed != nil {
		now = moment(t.elapsed())
	} else if passed > 0 && passed < tick+plausible {
		now = t.looked.add(passed)
	}
	elapsed := now.sub(t.looked)
	if set := passed - elapsed; set > plausible || set < -plausible {
		t.steps++
		log.Warn("the wall clock was set; deadlines stay as they were", slog.Duration("by", set), slog.Time("now", wall))
	}
	t.looked, t.wall = now, wall
	return elapsed > tick+tick/10
}

func (t *timeline) wallSteps() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.steps
}
