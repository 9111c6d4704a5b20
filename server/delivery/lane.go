package delivery

import "sync"

// lane runs the attempts of one channel, a bounded number at once, so that a slow channel holds back no other.
type lane struct {
	channel Channel
	workers int
	run     func(l *lane, j job)

	mu      sync.Mutex
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

func (l *lane) submit(j job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active == l.workers {
		// What waits may wait for long: it is read again when its turn comes, unless it is stored nowhere.
		if !j.entry.once {
			j.notification = nil
		}
		l.waiting = append(l.waiting, j)
		return
	}
	l.active++
	go l.work(j)
}

// work runs jobs until none waits.
func (l *lane) work(j job) {
	for {
		l.run(l, j)
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.active--
			l.waiting = nil
			l.mu.Unlock()
			return
		}
		j = l.waiting[0]
		l.waiting[0] = job{}
		l.waiting = l.waiting[1:]
		l.mu.Unlock()
	}
}
