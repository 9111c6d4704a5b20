// Package delivery is the domain behind the operation: notifications that wait for their device until their TTL elapses.
//
// It imports the standard library only. The HTTP server hands it a [Notification] through a one-method interface.
package delivery
