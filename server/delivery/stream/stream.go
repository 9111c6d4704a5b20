// Package stream is the delivery.Channel to devices that are connected to this process.
//
// A [Hub] knows the connections. An attempt hands the notification to every connection of its device; the device
// acknowledges it. A device without a connection is not polled: it connects, and its queue is told to wake it.
package stream

import (
	"context"
	"sync"

	"github.com/nudgehq/nudge/server/delivery"
)

// buffered is how many notifications wait for a connection that does not read; one more cuts it off.
const buffered = 64

// Hub is a delivery.Channel. The zero Hub has no connections.
type Hub struct {
	mu      sync.Mutex
	devices map[delivery.Device][]*Connection
	count   int
}

// Connection is one connection of a device.
type Connection struct {
	hub    *Hub
	device delivery.Device
	skip   string
	// notifications is closed, under the hub's lock, when the connection is cut off.
	notifications chan *delivery.Attempt
	closed        bool
}

// Connect registers a connection. The caller then wakes the device's queue, reads Notifications until it is closed, and
// calls Close. The notification with the SID skip, if any, is not sent on it.
func (h *Hub) Connect(d delivery.Device, skip string) *Connection {
	c := &Connection{hub: h, device: d, skip: skip, notifications: make(chan *delivery.Attempt, buffered)}
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

// Deliver hands the notification to the device's connections.
func (h *Hub) Deliver(_ context.Context, a delivery.Attempt) delivery.Result {
	h.mu.Lock()
	defer h.mu.Unlock()
	sent := false
	// A copy: cutting off changes the list.
	for _, c := range append([]*Connection(nil), h.devices[a.Device]...) {
		if c.skip == a.SID {
			sent = true
			continue
		}
		select {
		case c.notifications <- &a:
			sent = true
		default:
			h.remove(c)
		}
	}
	if !sent {
		return delivery.Waiting("the device is offline")
	}
	return delivery.Sent()
}

// remove closes a connection's channel. The hub is locked.
func (h *Hub) remove(c *Connection) {
	if c.closed {
		return
	}
	c.closed = true
	close(c.notifications)
	h.count--
	rest := h.devices[c.device][:0:0]
	for _, other := range h.devices[c.device] {
		if other != c {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(h.devices, c.device)
		return
	}
	h.devices[c.device] = rest
}

// Notifications gives what the device is sent. It is closed when the connection does not read, or by Close.
func (c *Connection) Notifications() <-chan *delivery.Attempt { return c.notifications }

// Close ends the connection. Doing it twice is no error.
func (c *Connection) Close() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.hub.remove(c)
}
