package delivery

import "fmt"

// Defaults of the bounds of what is pending. The first takes about a gigabyte of memory.
const (
	DefaultMaxPending       = 2_000_000
	DefaultMaxPendingDevice = 20_000
)

// deviceKey tells devices apart within a partition; two that share one share their bound.
type deviceKey uint32

// reserve counts an entry that is about to be stored, unless as many are pending as may be.
func (q *Queue) reserve(p *partition, e *entry) error {
	if pending := q.pending.Add(1); pending > int64(q.config.MaxPending) {
		q.pending.Add(-1)
		return fmt.Errorf("%w: at most %d", ErrFull, q.config.MaxPending)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(p.devices[e.device]) >= q.config.MaxPendingDevice {
		q.pending.Add(-1)
		return fmt.Errorf("%w: at most %d", ErrDeviceFull, q.config.MaxPendingDevice)
	}
	p.devices[e.device]++
	return nil
}

// hasRoom tells whether a notification that some process takes up fits this one's bounds: shares are alike, so that what is full
// here is full there.
func (q *Queue) hasRoom(p *partition, e *entry) error {
	if q.pending.Load() >= int64(q.config.MaxPending) {
		return fmt.Errorf("%w: at most %d", ErrFull, q.config.MaxPending)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(p.devices[e.device]) >= q.config.MaxPendingDevice {
		return fmt.Errorf("%w: at most %d", ErrDeviceFull, q.config.MaxPendingDevice)
	}
	return nil
}

// release takes back what reserve counted. The partition is locked.
func (q *Queue) release(p *partition, e *entry) {
	q.pending.Add(-1)
	if p.devices[e.device]--; p.devices[e.device] == 0 {
		delete(p.devices, e.device)
	}
}

// Pending is how many notifications wait for their outcome.
func (q *Queue) Pending() int { return int(q.pending.Load()) }
