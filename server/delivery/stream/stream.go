// Package stream is the delivery.Channel to devices that are connected to this process.
//
// A [Hub] knows the connections. An attempt hands the notification to every connection of its device; the device
// acknowledges it. A device without a connection is not polled: it connects, and its queue is told to wake it.
package stream

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nudgehq/nudge/server/delivery"
)

// buffered is how many notifications wait for a connection; patience is how long one more waits for a place. Then the
// connection does not read, and is cut off.
const (
	buffered = 64
	patience = time.Second
)

// Hub is a delivery.Channel. The zero Hub has no connections.
type Hub struct {
	mu      sync.Mutex
	devices map[delivery.Device][]*Connection
	count   int
}

// Connection is one connection of a device.
type Connection struct {
	hub           *Hub
	device        delivery.Device
	notifications chan *delivery.Attempt
	done          chan struct{}
	closed        bool
	// had is what the device was sent on this connection, until it expires: it is not sent twice.
	had map[string]time.Time
}

// Connect registers a connection. The caller then wakes the device's queue, reads Notifications until Done, and calls
// Close. The notification with the SID skip, if any, is not sent on it: the device has it.
func (h *Hub) Connect(d delivery.Device, skip string) *Connection {
	c := &Connection{hub: h, device: d, notifications: make(chan *delivery.Attempt, buffered), done: make(chan struct{})}
	if skip != "" {
		c.had = map[string]time.Time{skip: {}}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.devices == nil {
		h.devices = map[delivery.Device][]*Connection{}
	}
	h.devices[d] = append(h.devices[d], c)
	h.count++
	return c
}

// Connections is how many connections there are.
func (h *Hub) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// Present tells whether a device is connected.
func (h *Hub) Present(d delivery.Device) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.devices[d]) > 0
}

// Deliver hands the notification to the device's connections, once to each.
func (h *Hub) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	h.mu.Lock()
	connections := slices.Clone(h.devices[a.Device])
	sent, to := false, connections[:0]
	for _, c := range connections {
		if c.has(a) {
			sent = true
			continue
		}
		to = append(to, c)
	}
	h.mu.Unlock()
	for _, c := range to {
		if c.send(ctx, &a) {
			sent = true
		}
	}
	if !sent {
		return delivery.Waiting("the device is offline")
	}
	return delivery.Sent()
}

// has tells whether the connection was sent the notification, and notes that it is now. The hub is locked.
func (c *Connection) has(a delivery.Attempt) bool {
	if _, had := c.had[a.SID]; had {
		return true
	}
	if c.had == nil {
		c.had = map[string]time.Time{}
	}
	if len(c.had) >= 4*buffered {
		now := a.Expires().Add(-a.Remaining)
		for sid, expires := range c.had {
			if !expires.IsZero() && expires.Before(now) {
				delete(c.had, sid)
			}
		}
	}
	c.had[a.SID] = a.Expires()
	return false
}

// send puts a notification into the connection's buffer. A connection that makes no place for it in time is cut off.
func (c *Connection) send(ctx context.Context, a *delivery.Attempt) bool {
	select {
	case c.notifications <- a:
		return true
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case c.notifications <- a:
		return true
	case <-c.done:
	case <-ctx.Done():
		c.Close()
	case <-timer.C:
		c.Close()
	}
	return false
}

// remove forgets a connection. The hub is locked.
func (h *Hub) remove(c *Connection) {
	if c.closed {
		return
	}
	c.closed = true
	close(c.done)
	h.count--
	// In place: Deliver goes through a copy.
	rest := slices.DeleteFunc(h.devices[c.device], func(other *Connection) bool { return other == c })
	if len(rest) == 0 {
		delete(h.devices, c.device)
		return
	}
	h.devices[c.device] = rest
}

// Notifications gives what the device is sent.
func (c *Connection) Notifications() <-chan *delivery.Attempt { return c.notifications }

// Done is closed when the connection was cut off because it does not read, or by Close.
func (c *Connection) Done() <-chan struct{} { return c.done }

// Close ends the connection. Doing it twice is no error.
func (c *Connection) Close() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.hub.remove(c)
}
