package cluster

import (
	"context"
	"time"
)

// Owner is what a Membership tells a node. *delivery.Queue is one.
type Owner interface {
	// Take takes up a partition, and Release lets it go, when its attempts have ended.
	Take(ctx context.Context, partition int) error
	Release(partition int)
	// Extend moves the time until which attempts may be made.
	Extend(until time.Time)
}

// Membership decides which node owns which partition.
type Membership interface {
	// Run takes part until ctx is done, and then leaves: it tells the owner what to take and to release. It returns when all is
	// released and others may have it.
	Run(ctx context.Context, owner Owner) error
}
