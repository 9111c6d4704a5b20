package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// reply makes a Bus's handler of one that knows questions.
func reply(handle func(question) *answer) func([]byte) []byte {
	return func(data []byte) []byte {
		var q question
		if json.Unmarshal(data, &q) != nil {
			return nil
		}
		if a := handle(q); a != nil {
			return encode(a)
		}
		return nil
	}
}

// stillReading is why a partition's owner cannot tell yet what a device has.
func stillReading() error {
	return fmt.Errorf("%w: what is pending is still being read", delivery.ErrUnavailable)
}

// hasTaken tells whether a partition is taken up.
func (n *Node) hasTaken(partition int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.owned[partition] != nil
}

// asOwner answers as the owner of a partition.
func (n *Node) asOwner(partition int, q question) *answer {
	ctx, cancel := context.WithTimeout(context.Background(), wakeTime)
	defer cancel()
	switch {
	case q.Here != nil:
		for _, device := range q.Here.Devices {
			n.isAt(device, q.Here.Node)
		}
		n.wakeAgain(ctx, q.Here.Devices)
		return &answer{}
	case q.Wake != nil:
		n.isAt(q.Wake.Device, q.Wake.Node)
		last, more, err := n.queue.WakeSome(ctx, q.Wake.Device, q.Wake.After, q.Wake.Limit)
		return &answer{Last: &last, More: more, Failed: failureOf(err)}
	case q.Acknowledge != nil:
		if !n.hasTaken(partition) {
			return &answer{Failed: failureOf(stillReading())}
		}
		return &answer{Failed: failureOf(n.queue.Acknowledge(ctx, q.Acknowledge.Device, q.Acknowledge.SID))}
	case q.Deliver != nil:
		return n.answerOf(n.deliver(ctx, n.attempt(q.Deliver)))
	}
	return nil
}

// asNode answers as a node to which devices are connected.
func (n *Node) asNode(q question) *answer {
	if q.Deliver == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	a := n.answerOf(n.Hub.Deliver(ctx, n.attempt(q.Deliver)))
	a.Absent = !n.Hub.Present(q.Deliver.Notification.Device)
	return a
}

// asAny answers what all nodes are asked; who has nothing to say is silent.
func (n *Node) asAny(q question) *answer {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	switch {
	case q.Devices != nil:
		devices := slices.DeleteFunc(n.Hub.Devices(), func(d delivery.Device) bool { return delivery.PartitionOf(d) != *q.Devices })
		n.tellOwner(ctx, *q.Devices, devices)
	case q.Acknowledge != nil && n.queue.Knows(q.Acknowledge.SID):
		return &answer{Failed: failureOf(n.queue.Acknowledge(ctx, q.Acknowledge.Device, q.Acknowledge.SID))}
	case q.Find != "" && n.queue.Knows(q.Find):
		if record, err := n.queue.Find(ctx, q.Find); err == nil {
			return &answer{Record: &record}
		}
	}
	return nil
}

func (n *Node) attempt(a *attempt) delivery.Attempt {
	return n.queue.Attempt(a.Notification, a.Number, a.Remaining)
}

func (n *Node) answerOf(result delivery.Result) *answer {
	return &answer{Sent: result.String() == "sent", Reason: result.Reason()}
}

// isAt notes that a device is connected to another node.
func (n *Node) isAt(d delivery.Device, node string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if node == n.ID {
		return
	}
	if n.where[d] == nil {
		n.where[d] = map[string]time.Time{}
	}
	n.where[d][node] = time.Now()
}

// notAt notes that it is not, unless it was said to be since that was asked.
func (n *Node) notAt(d delivery.Device, node string, asked time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.where[d][node].After(asked) {
		return
	}
	delete(n.where[d], node)
	if len(n.where[d]) == 0 {
		delete(n.where, d)
	}
}

// forget forgets what nobody has said since.
func (n *Node) forget(since time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for device, nodes := range n.where {
		for node, said := range nodes {
			if said.Before(since) {
				delete(nodes, node)
			}
		}
		if len(nodes) == 0 {
			delete(n.where, device)
		}
	}
}

// nodesOf are the other nodes to which a device is connected.
func (n *Node) nodesOf(d delivery.Device) (nodes []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for node := range n.where[d] {
		nodes = append(nodes, node)
	}
	return nodes
}
