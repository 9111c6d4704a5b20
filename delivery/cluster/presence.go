package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// announce says again and again which devices are connected here, and forgets what others do not say any more.
func (n *Node) announce(ctx context.Context) {
	ticker := time.NewTicker(hereEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		byPartition := map[int][]delivery.Device{}
		for _, device := range n.Hub.Devices() {
			partition := delivery.PartitionOf(device)
			byPartition[partition] = append(byPartition[partition], device)
		}
		for partition, devices := range byPartition {
			if n.queue.Owns(partition) {
				n.wakeAgain(ctx, devices)
			} else {
				n.tellOwner(ctx, partition, devices)
			}
		}
		n.forget(time.Now().Add(-hereKept))
	}
}

// tellOwner tells the owner of a partition which of its devices are connected here.
func (n *Node) tellOwner(ctx context.Context, partition int, devices []delivery.Device) {
	for some := range slices.Chunk(devices, hereAtOnce) {
		if _, err := n.ask(ctx, askTime, ofOwner(partition), question{Here: &here{n.ID, some}}); err != nil {
			// A new owner asks, and one that was slow is told again.
			return
		}
	}
}

// wakeAgain tries what waits for devices that are connected: that they connected may not have been heard, or what the store then
// listed may have been old. A connection is not sent again what it was sent.
func (n *Node) wakeAgain(ctx context.Context, devices []delivery.Device) {
	for _, device := range devices {
		if n.queue.Waits(device) {
			// It is tried again the next time.
			_, _, _ = n.queue.WakeSome(ctx, device, delivery.Position{}, wokenAgain)
		}
	}
}
