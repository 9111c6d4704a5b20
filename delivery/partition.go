package delivery

import (
	"container/heap"
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"
)

// Partitions is the number of parts that the work is split into, by device, so that several nodes can share it.
const Partitions = 64

// PartitionOf is the partition of a device: the same every time, from 0 to Partitions-1.
func PartitionOf(d Device) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(d.ServiceSID))
	_, _ = h.Write([]byte{'/'})
	_, _ = h.Write([]byte(d.Identity))
	return int(h.Sum32() % Partitions)
}

// partition holds what is pending for some of the devices: an entry each, in the order in which they need attention.
type partition struct {
	mu      sync.Mutex
	entries map[sid]*entry
	wakes   wakeHeap
	// devices counts the entries of each device.
	devices map[deviceKey]int32
	// acknowledging holds the entries whose acknowledgement is being recorded; each channel is closed when it is.
	acknowledging map[sid]chan struct{}
	// stop ends the timer that is set for the first wake; at is when that is. timer numbers the timers: one that was
	// replaced may have fired already.
	stop  func()
	at    moment
	timer int
	// owned tells that this process attempts what is pending in it; attempts are those of what is stored.
	owned    bool
	attempts sync.WaitGroup
}

// sid is the random part of a notification's SID, in binary: a third of the text's size.
type sid [16]byte

// parseSID reads a SID's text.
func parseSID(text string) (s sid, err error) {
	digits, ok := strings.CutPrefix(text, "NT")
	if ok && len(digits) == 2*len(s) {
		_, err = hex.Decode(s[:], []byte(digits))
	}
	if !ok || len(digits) != 2*len(s) || err != nil {
		return sid{}, fmt.Errorf("delivery: the SID %.40q is not NT and 32 hexadecimal digits", text)
	}
	return s, nil
}

// String is the SID's text.
func (s sid) String() string { return "NT" + hex.EncodeToString(s[:]) }

// entry is what is kept in memory of a pending notification; the notification itself stays in the store. With its place
// in the maps and the heap it takes about 170 bytes.
type entry struct {
	sid sid
	// expires is the wall time at which it expires, as the store has it, and last that of the last attempt, in nanoseconds
	// since 1970; 0 for none.
	expires, last int64
	// deadline is when it expires, and wake when it needs attention next.
	deadline, wake moment
	// running is what an entry has for a while only; nil for most.
	running *running
	// destination tells apart where its channel sends it.
	destination destinationKey
	device      deviceKey
	// index is its place in the heap; -1 when it is in none.
	index    int32
	attempts uint16
	// reason is the number of the last attempt's reason, and pool that of its channel's pool.
	reason uint16
	pool   uint16
	phase  phase
	// woken asks for another attempt after the one that is being made.
	woken bool
}

// running is what is kept of an attempt that is being made, and of a notification with a TTL of 0.
type running struct {
	// cancel ends the attempt; nil when none is being made.
	cancel context.CancelFunc
	// expired notes that the TTL elapsed meanwhile, withdrawn that it is another process's now.
	expired, withdrawn bool
	// once is the notification when its TTL is 0: one attempt, stored nowhere. It is nil for all others.
	once *Notification
}

// once is the notification of an entry with a TTL of 0; nil for all others.
func (e *entry) once() *Notification {
	if e.running == nil {
		return nil
	}
	return e.running.once
}

// attempting tells whether an attempt is being made. The partition is locked.
func (e *entry) attempting() bool { return e.running != nil && e.running.cancel != nil }

// endAttempt forgets the attempt. The partition is locked.
func (e *entry) endAttempt() {
	if e.running.once == nil {
		e.running = nil
		return
	}
	e.running.cancel = nil
}

// phase is what an entry waits for.
type phase uint8

const (
	// scheduled waits for its wake.
	scheduled phase = iota
	// waiting waits for its device.
	waiting
	// attempting waits for a worker, or for the attempt's end.
	attempting
)

func (p *partition) add(e *entry) {
	p.entries[e.sid] = e
	heap.Push(&p.wakes, e)
}

// remove takes an entry out. Its count is given back with Queue.release.
func (p *partition) remove(e *entry) {
	delete(p.entries, e.sid)
	if e.index >= 0 {
		heap.Remove(&p.wakes, int(e.index))
	}
}

// reschedule moves an entry to another wake.
func (p *partition) reschedule(e *entry, wake moment) {
	e.wake = wake
	if e.index >= 0 {
		heap.Fix(&p.wakes, int(e.index))
	} else {
		heap.Push(&p.wakes, e)
	}
}

// holds tells whether the entry is still the partition's: it may have ended meanwhile.
func (p *partition) holds(e *entry) bool { return p.entries[e.sid] == e }

// wakeHeap orders entries by wake.
type wakeHeap []*entry

func (h wakeHeap) Len() int           { return len(h) }
func (h wakeHeap) Less(i, j int) bool { return h[i].wake < h[j].wake }
func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i), int32(j)
}
func (h *wakeHeap) Push(x any) {
	e := x.(*entry)
	e.index = int32(len(*h))
	*h = append(*h, e)
}
func (h *wakeHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	e.index = -1
	*h = old[:len(old)-1]
	return e
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
