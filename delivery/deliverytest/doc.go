// Package deliverytest holds every delivery.Store and every delivery.Channel to its contract: the package of each calls
// TestStore or TestChannel in its own tests.
package deliverytest
