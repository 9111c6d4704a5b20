package delivery

import "sync"

// pool makes the attempts of one channel. It is where fairness is decided:
//
//   - Destinations take turns, so that a long queue for one holds back no other. In a queue, what is tried only once is first.
//   - A destination may have as many attempts under way as its window. That is one while it is new or fails, and grows with
//     what it takes; see destination.
//   - Destinations that have failed may have half of the workers, and all that are not known to work three quarters; the last
//     quarter is for those that have nothing under way. Whatever hangs, one that is known to work gets a worker at once, and
//     a new one before those that have failed.
//
// An attempt that waits for an answer costs a goroutine, and what its channel holds open.
type pool struct {
	name    string
	channel Channel
	// workers bounds the attempts under way, maxWindow those for one destination.
	workers, maxWindow int
	run                func(j job) outcome
	time               *timeline
	// changed is told what a destination of the channel has begun.
	changed func(channel string, c change)
	// busy counts the jobs that are due, until they are done.
	busy *busy

	mu           sync.Mutex
	destinations map[destinationKey]*destination
	// active counts the attempts under way; trials those for destinations that are not known to work.
	active, trials int
	// working, fresh and failed are the destinations that have something to start: those that are known to work, those of
	// which nothing is known, and those that have failed. crowded wait for the last quarter.
	working, fresh, failed, crowded turns
	// unprovenFirst alternates: whether those that are not known to work are asked before those that are.
	unprovenFirst bool
	// failing counts the destinations that fail; changes are what was not told of them yet, telling that a worker tells.
	failing int
	changes []change
	telling bool
	closed  bool
}

// job is one attempt to make. The notification is in hand when it was just added or read; otherwise it is nil and read
// from the store when its turn comes.
type job struct {
	partition    *partition
	entry        *entry
	notification *Notification
}

// outcome is what a pool learns of an attempt.
type outcome struct {
	// attempted is false when nothing was asked of the destination; interrupted means that the attempt was ended by its own time.
	attempted, interrupted bool
	result                 Result
	address                string
}

// failed tells whether the destination did not answer, or takes nothing now.
func (o outcome) failed() bool {
	return o.result.kind == resultAgain && !o.result.refused && !o.interrupted
}

// turn is a job with its destination. It is a trial when the destination is not known to work, and a probe when it fails.
type turn struct {
	destination  *destination
	job          job
	trial, probe bool
}

// newPool makes the pool of a channel.
func (q *Queue) newPool(name string, c Channel) *pool {
	workers := q.config.Workers
	maxWindow := max(workers/32, 1)
	if _, devices := c.(Presence); devices {
		// One after the other: a device gets them in order, and sending to it does not take time.
		maxWindow = 1
	} else if provider, ok := c.(Provider); ok && provider.Destination("") != "" {
		// It is made for many, and no other is beside it.
		maxWindow = max(workers/4, 1)
	}
	return &pool{
		name: name, channel: c, workers: workers, maxWindow: maxWindow, run: q.runAttempt, time: q.time, busy: &q.busy,
		changed: q.destinationChanged, destinations: map[destinationKey]*destination{},
	}
}

// submit puts a job into its destination's queue.
func (p *pool) submit(j job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.destinations[j.entry.destination]
	if d == nil {
		d = &destination{key: j.entry.destination, window: 1}
		p.destinations[d.key] = d
	}
	if !d.failing {
		p.busy.begin(1)
	}
	queue := &d.jobs
	if j.entry.once() != nil {
		queue = &d.urgent
	}
	queue.push(j)
	p.enqueue(d)
	p.start()
	// What waits may wait for long: it is read again when its turn comes.
	queue.forgetLast()
}

// enqueue gives a destination a turn if it may start something.
func (p *pool) enqueue(d *destination) {
	if d.queued || d.waiting() == 0 || d.active >= d.window || p.postpone(d) {
		return
	}
	d.queued = true
	switch {
	case d.works:
		p.working.push(d)
	case d.failures == 0:
		p.fresh.push(d)
	default:
		p.failed.push(d)
	}
}

// start starts what may start now.
func (p *pool) start() {
	for t, ok := p.next(); ok; t, ok = p.next() {
		go p.work(t)
	}
}

// work makes attempts until none may start.
func (p *pool) work(t turn) {
	for ok := true; ok; {
		o := p.run(t.job)
		p.mu.Lock()
		d := t.destination
		p.active--
		d.active--
		if t.trial {
			p.trials--
		}
		p.learn(t, o)
		changed := len(p.changes) > 0
		p.enqueue(d)
		p.leave(d)
		if !p.crowding() {
			for c := p.crowded.pop(); c != nil; c = p.crowded.pop() {
				c.crowded = false
				p.enqueue(c)
			}
		}
		t, ok = p.next()
		p.start()
		p.mu.Unlock()
		if changed {
			p.tell()
		}
		p.busy.end(1)
	}
}

// crowding tells whether only the last quarter of the workers is left.
func (p *pool) crowding() bool { return p.active >= p.threeQuarters() }

func (p *pool) threeQuarters() int { return max(p.workers-p.workers/4, 1) }

// next takes the job whose destination's turn it is.
func (p *pool) next() (turn, bool) {
	for p.active < p.workers {
		d := p.nextDestination()
		if d == nil {
			return turn{}, false
		}
		d.queued = false
		// It may have begun to fail while it waited.
		if d.waiting() == 0 || d.active >= d.window || p.postpone(d) {
			continue
		}
		if d.active > 0 && p.crowding() {
			if !d.crowded {
				d.crowded = true
				p.crowded.push(d)
			}
			continue
		}
		t := turn{destination: d, job: d.pop(), trial: !d.works, probe: d.failing}
		if d.failing {
			p.busy.begin(1)
		}
		p.active++
		d.active++
		if t.trial {
			p.trials++
		}
		p.enqueue(d)
		return t, true
	}
	return turn{}, false
}

// nextDestination alternates between those that are known to work and the others: the new ones, which may take three quarters
// of the workers, before those that have failed, which may take half.
func (p *pool) nextDestination() (d *destination) {
	if p.unprovenFirst {
		d = p.nextUnproven()
	}
	if d == nil {
		d = p.working.pop()
	}
	if d == nil {
		d = p.nextUnproven()
	}
	p.unprovenFirst = !p.unprovenFirst
	return d
}

func (p *pool) nextUnproven() (d *destination) {
	if p.trials < p.threeQuarters() {
		d = p.fresh.pop()
	}
	if d == nil && p.trials < max(p.workers/2, 1) {
		d = p.failed.pop()
	}
	return d
}

// turns is a queue of destinations.
type turns struct{ list []*destination }

func (t *turns) push(d *destination) { t.list = append(t.list, d) }

func (t *turns) pop() *destination {
	if len(t.list) == 0 {
		return nil
	}
	d := t.list[0]
	t.list[0] = nil
	t.list = t.list[1:]
	return d
}
