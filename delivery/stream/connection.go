package stream

import (
	"context"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// buffered is how many notifications wait for a connection, and as many with a TTL of 0 beside them.
const buffered = 64

// Connection is one connection of a device.
type Connection struct {
	hub    *Hub
	device delivery.Device
	done   chan struct{}
	// closed is guarded by the hub.
	closed bool
	// ready has an element when there is something to take, room when there is something to feed.
	ready, room chan struct{}

	// position is how far Feed came, and more whether there may be more behind it.
	position delivery.Position
	more     bool

	mu sync.Mutex
	// urgent are those with a TTL of 0, waiting all others.
	urgent, waiting []*delivery.Attempt
	// had is what the device was sent on this connection, until it expires: it is not sent twice.
	had   map[string]time.Time
	prune int
	// missed is the first of those that found no room; nil for none.
	missed *delivery.Position
}

func newConnection(h *Hub, d delivery.Device, skip string) *Connection {
	c := &Connection{hub: h, device: d, done: make(chan struct{}), ready: make(chan struct{}, 1), room: make(chan struct{}, 1), more: true, prune: 4 * buffered}
	signal(c.room)
	if skip != "" {
		c.had = map[string]time.Time{skip: {}}
	}
	return c
}

// put hands a notification over, if there is room; it tells whether the device was or will be sent it.
func (c *Connection) put(a *delivery.Attempt) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, had := c.had[a.SID]; had {
		return true
	}
	queue := &c.waiting
	if a.TTL == 0 {
		queue = &c.urgent
	}
	if len(*queue) >= buffered {
		if at := delivery.PositionOf(a.Notification); a.TTL > 0 && (c.missed == nil || at.Before(*c.missed)) {
			c.missed = &at
		}
		return false
	}
	c.remember(a)
	*queue = append(*queue, a)
	signal(c.ready)
	return true
}

// remember notes that the device is sent a notification, and from time to time forgets those that have expired.
func (c *Connection) remember(a *delivery.Attempt) {
	if c.had == nil {
		c.had = map[string]time.Time{}
	}
	if len(c.had) >= c.prune {
		now := a.Expires().Add(-a.Remaining)
		for sid, expires := range c.had {
			if !expires.IsZero() && expires.Before(now) {
				delete(c.had, sid)
			}
		}
		c.prune = max(2*len(c.had), 4*buffered)
	}
	c.had[a.SID] = a.Expires()
}

// Ready has an element when Take gives something.
func (c *Connection) Ready() <-chan struct{} { return c.ready }

// Take gives what the device is sent next; nil for nothing.
func (c *Connection) Take() *delivery.Attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	queue := &c.urgent
	if len(*queue) == 0 {
		queue = &c.waiting
	}
	if len(*queue) == 0 {
		return nil
	}
	a := (*queue)[0]
	(*queue)[0] = nil
	*queue = (*queue)[1:]
	if len(c.waiting) == buffered/2 {
		signal(c.room)
	}
	return a
}

// Room has an element when Feed has something to do: at first, and when half of the buffer is free again.
func (c *Connection) Room() <-chan struct{} { return c.room }

// Feed wakes what waits for the device, as much of it as there is room for, from where it stopped on or from what was missed
// since. Wake is Queue.WakeSome for the device. Whoever takes from the connection calls it.
func (c *Connection) Feed(ctx context.Context, wake func(ctx context.Context, after delivery.Position, limit int) (last delivery.Position, more bool, err error)) error {
	for ctx.Err() == nil {
		free, missed := c.look()
		if missed != nil {
			c.more = true
			if !c.position.Before(*missed) {
				// Just before it, so that it comes again: also when it was the last one.
				c.position = delivery.Position{Expires: missed.Expires.Add(-time.Nanosecond), SID: missed.SID}
			}
		}
		if !c.more || free == 0 {
			return nil
		}
		var err error
		if c.position, c.more, err = wake(ctx, c.position, free); err != nil {
			return err
		}
	}
	return nil
}

// look gives how many notifications there is room for, and takes what was missed.
func (c *Connection) look() (free int, missed *delivery.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	free = buffered - len(c.waiting)
	if free < buffered/2 {
		return 0, nil
	}
	missed, c.missed = c.missed, nil
	return free, missed
}

// Done is closed by Close, and when the connection is closed for another one of the device.
func (c *Connection) Done() <-chan struct{} { return c.done }

// Close ends the connection. Doing it twice is no error.
func (c *Connection) Close() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.hub.remove(c)
}

// signal puts an element into a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
