// Package delivery is the domain behind the operation: notifications that wait for their device until their TTL elapses.
//
// A [Queue] takes notifications, keeps them in a [Store] and hands them to a [Channel], again and again, until the
// channel says that one is delivered or gone, or its TTL has elapsed:
//
//	queue, err := delivery.NewQueue(ctx, delivery.Config{Store: store, Channels: map[string]delivery.Channel{"stream": hub}})
//	err = queue.Add(ctx, notification) // nil: stored, and tried until it expires
//
// Delivery is at least once: a crash between a delivery and its record repeats it. The notification's SID is the
// de-duplication id on every channel.
//
// The package imports the standard library only.
package delivery
