// Package stream is the delivery.Channel to devices that are connected to this process.
//
// A [Hub] knows the connections. An attempt hands the notification to every connection of its device, without waiting; the
// device acknowledges it. A device without a connection is not polled: it connects, and [Connection.Feed] wakes its queue, as
// much at a time as the connection has room for.
//
// A device gets its notifications in the order of their creation while it is connected and nothing fails. What waited for
// it comes by expiry, the first to expire first, and new ones may come in between. One with a TTL of 0 overtakes all others.
package stream

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/nudgehq/nudge/delivery"
)

// DefaultMaxConnections is how many connections a device may have.
const DefaultMaxConnections = 8

// Hub is a delivery.Channel. The zero Hub has no connections.
type Hub struct {
	// MaxConnections is how many connections a device may have; one more closes the oldest. 0: DefaultMaxConnections.
	MaxConnections int

	mu      sync.Mutex
	devices map[delivery.Device][]*Connection
	count   int
}

// Connect registers a connection. The caller then calls Feed when there is Room, takes what is Ready until
// Done, and calls Close. The
// notification with the SID skip, if any, is not sent on it: the device has it.
func (h *Hub) Connect(d delivery.Device, skip string) *Connection {
	c := newConnection(h, d, skip)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.devices == nil {
		h.devices = map[delivery.Device][]*Connection{}
	}
	limit := h.MaxConnections
	if limit == 0 {
		limit = DefaultMaxConnections
	}
	for len(h.devices[d]) >= limit {
		h.remove(h.devices[d][0])
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

// Devices lists the devices that are connected.
func (h *Hub) Devices() []delivery.Device {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.devices))
}

// Disconnect closes all connections of a device.
func (h *Hub) Disconnect(d delivery.Device) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.devices[d]) > 0 {
		h.remove(h.devices[d][0])
	}
}

// Deliver hands the notification to the device's connections, once to each.
func (h *Hub) Deliver(_ context.Context, a delivery.Attempt) delivery.Result {
	h.mu.Lock()
	// In the usual case of one connection nothing is allocated.
	var few [2]*Connection
	connections := append(few[:0], h.devices[a.Device]...)
	h.mu.Unlock()
	if len(connections) == 0 {
		return delivery.Waiting("the device is offline")
	}
	sent := false
	for _, c := range connections {
		sent = c.put(&a) || sent
	}
	if !sent {
		return delivery.Waiting("the device does not read fast enough")
	}
	return delivery.Sent()
}

// remove forgets a connection. The hub is locked.
func (h *Hub) remove(c *Connection) {
	if c.closed {
		return
	}
	c.closed = true
	close(c.done)
	h.count--
	list := h.devices[c.device]
	// A copy: others may go through the old one.
	rest := make([]*Connection, 0, len(list))
	for _, other := range list {
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
