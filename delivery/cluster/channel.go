package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// channel is the delivery.Channel to devices, wherever they are connected.
type channel struct{ node *Node }

// Channel is the way to devices that are connected to any of the nodes.
func (n *Node) Channel() delivery.Presence { return channel{n} }

// Present tells whether a device is connected to a node, as far as this one knows.
func (c channel) Present(d delivery.Device) bool {
	return c.node.Hub.Present(d) || len(c.node.nodesOf(d)) > 0
}

// Deliver hands a notification to the device where it is connected. What was made here and is another's, one with a TTL of 0, its
// owner hands over, who knows where that is.
func (c channel) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	n := c.node
	partition := delivery.PartitionOf(a.Device)
	if n.queue.Owns(partition) {
		return n.deliver(ctx, a)
	}
	said, err := n.ask(ctx, askTime, ofOwner(partition), question{Deliver: wireAttempt(a)})
	if err != nil {
		// Nobody knows better than this node.
		return n.Hub.Deliver(ctx, a)
	}
	return said.result()
}

// deliver hands a notification to the device at each node that has it.
func (n *Node) deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	result := delivery.Waiting("the device is offline")
	if n.Hub.Present(a.Device) {
		result = n.Hub.Deliver(ctx, a)
	}
	for _, node := range n.nodesOf(a.Device) {
		asked := time.Now()
		said, err := n.ask(ctx, askTime, ofNode(node), question{Deliver: wireAttempt(a)})
		switch {
		case errors.Is(err, ErrNobody), err == nil && said.Absent:
			n.notAt(a.Device, node, asked)
		case err != nil:
			// Whether it arrived is not known: it is sent again, unless another node has the device. Until this one says again that
			// it has, nobody waits for it.
			n.notAt(a.Device, node, asked)
			if result.String() != "sent" {
				result = delivery.Again(0, "a node does not answer")
			}
		case said.Sent || result.String() == "waiting":
			result = said.result()
		}
	}
	return result
}

func (a answer) result() delivery.Result {
	if a.Sent {
		return delivery.Sent()
	}
	return delivery.Waiting(a.Reason)
}

func wireAttempt(a delivery.Attempt) *attempt {
	remaining := a.Left()
	if a.TTL == 0 {
		remaining = 0
	}
	return &attempt{a.Notification, a.Number, remaining}
}
