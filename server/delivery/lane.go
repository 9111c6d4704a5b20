package delivery

import "sync"

// lane runs the attempts of one channel, a bounded number at once, so that a slow channel holds back no other. Of those
// only some are for one destination, so that a receiver that does not answer holds back no other either.
type lane struct {
	channel Channel
	// workers bounds the attempts at once, perDestination those for one destination.
	workers, perDestination int
	run                     func(l *lane, j job)

	mu     sync.Mutex
	active int
	// at is what is going on and waiting for each destination; turns are those for which something waits, the next first.
	at    map[uint32]*destination
	turns []uint32
}

type destination struct {
	active  int
	waiting []job
}

// job is one attempt to make. The notification is in hand when it was just added or read; otherwise it is nil and read
// from the store when its turn comes.
type job struct {
	partition    *partition
	entry        *entry
	notification *Notification
}

func newLane(channel Channel, workers int, run func(l *lane, j job)) *lane {
	return &lane{channel: channel, workers: workers, perDestination: max(workers/8, 1), run: run, at: map[uint32]*destination{}}
}

// room tells whether another attempt for a destination may start. The lane is locked.
func (l *lane) room(key uint32, d *destination) bool {
	return l.active < l.workers && (key == 0 || d.active < l.perDestination)
}

func (l *lane) submit(j job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := j.entry.destination
	d := l.at[key]
	if d == nil {
		d = &destination{}
		l.at[key] = d
	}
	if !l.room(key, d) {
		// What waits may wait for long: it is read again when its turn comes.
		j.notification = nil
		if d.waiting = append(d.waiting, j); len(d.waiting) == 1 {
			l.turns = append(l.turns, key)
		}
		return
	}
	l.active++
	d.active++
	go l.work(j)
}

// work runs jobs until none may start.
func (l *lane) work(j job) {
	for {
		l.run(l, j)
		l.mu.Lock()
		key := j.entry.destination
		d := l.at[key]
		l.active--
		d.active--
		if d.active == 0 && len(d.waiting) == 0 {
			delete(l.at, key)
		}
		next, ok := l.next()
		l.mu.Unlock()
		if !ok {
			return
		}
		j = next
	}
}

// next takes the job whose destination's turn it is, and counts it. The lane is locked.
func (l *lane) next() (job, bool) {
	for i, key := range l.turns {
		d := l.at[key]
		if !l.room(key, d) {
			continue
		}
		j := d.waiting[0]
		d.waiting[0] = job{}
		d.waiting = d.waiting[1:]
		l.turns = append(l.turns[:i], l.turns[i+1:]...)
		if len(d.waiting) > 0 {
			l.turns = append(l.turns, key)
		} else {
			d.waiting = nil
		}
		l.active++
		d.active++
		return j, true
	}
	return job{}, false
}
