package delivery

import "container/heap"

// setTimer sets the partition's timer to its first wake. The partition is locked.
func (q *Queue) setTimer(p *partition) {
	if len(p.wakes) == 0 || q.ctx.Err() != nil {
		return
	}
	first := p.wakes[0].wake
	if p.stop != nil {
		if p.at <= first {
			return
		}
		p.stop()
	}
	p.at = first
	p.timer++
	timer, wait := p.timer, first.sub(q.time.now())
	p.stop = q.clock.AfterFunc(wait, func() { q.onTimer(p, timer) })
}

// onTimer deals with the entries whose time has come: they expire, or they are tried again.
func (q *Queue) onTimer(p *partition, timer int) {
	q.busy.begin(1)
	defer q.busy.end(1)
	p.mu.Lock()
	if timer != p.timer {
		// Another timer has been set since.
		p.mu.Unlock()
		return
	}
	p.stop = nil
	now := q.time.now()
	var over []*entry
	for len(p.wakes) > 0 && p.wakes[0].wake <= now {
		e := p.wakes[0]
		switch {
		case now < e.deadline:
			q.submit(job{partition: p, entry: e})
		case e.attempting():
			// The attempt ends now and decides: it may just have succeeded.
			heap.Pop(&p.wakes)
			e.running.expired = true
			e.running.cancel()
		default:
			q.remove(p, e)
			over = append(over, e)
		}
	}
	q.setTimer(p)
	p.mu.Unlock()
	q.expire(over)
}

// setTick looks at the clocks once a tick: after a sleep of the machine all timers are late by its length.
func (q *Queue) setTick() {
	q.tickMu.Lock()
	defer q.tickMu.Unlock()
	if q.ctx.Err() != nil {
		return
	}
	q.stopTick = q.clock.AfterFunc(tick, func() {
		if q.time.look(q.config.Logger) {
			q.resetTimers()
		}
		q.setTick()
	})
}

// resetTimers sets every partition's timer anew.
func (q *Queue) resetTimers() {
	for i := range q.partitions {
		p := &q.partitions[i]
		p.mu.Lock()
		if p.stop != nil {
			p.stop()
			p.stop = nil
		}
		q.setTimer(p)
		p.mu.Unlock()
	}
}

// stopTimers ends the tick and the timers; attempts that are under way go on.
func (q *Queue) stopTimers() {
	q.tickMu.Lock()
	q.stopTick()
	q.tickMu.Unlock()
	q.leaseMu.Lock()
	if q.stopLease != nil {
		q.stopLease()
	}
	q.leaseMu.Unlock()
	for i := range q.partitions {
		p := &q.partitions[i]
		p.mu.Lock()
		if p.stop != nil {
			p.stop()
		}
		p.mu.Unlock()
	}
}
