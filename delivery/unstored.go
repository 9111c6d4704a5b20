package delivery

import "sync"

// unstored finds the notifications with a TTL of 0 that are under way, which no store has, by their SID.
type unstored struct {
	mu         sync.Mutex
	partitions map[sid]*partition
}

func (u *unstored) add(key sid, p *partition) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.partitions == nil {
		u.partitions = map[sid]*partition{}
	}
	u.partitions[key] = p
}

func (u *unstored) remove(key sid) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.partitions, key)
}

func (u *unstored) find(key sid) (record Record, ok bool) {
	u.mu.Lock()
	p := u.partitions[key]
	u.mu.Unlock()
	if p == nil {
		return record, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[key]
	if e == nil || e.once() == nil {
		return record, false
	}
	return Record{Notification: *e.once(), State: Pending, Attempts: int(e.attempts), LastAttempt: fromNanos(e.last)}, true
}
