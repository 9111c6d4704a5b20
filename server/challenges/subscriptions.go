package challenges

import (
	"sync"

	"github.com/nudgehq/nudge/delivery"
)

// maxSubscriptions bounds how many devices have subscribed.
const maxSubscriptions = 10_000

// Subscriptions are browsers that have subscribed to a channel of a server whose challenges are Any. They are in memory: a page subscribes
// again when it is opened after a restart. The zero Subscriptions are none.
type Subscriptions struct {
	mu        sync.RWMutex
	addresses map[delivery.Device]subscribed
}

// subscribed is a channel and where it sends.
type subscribed struct{ channel, address string }

// Put has a device's notifications sent to an address of a channel. Where there is no room, any other device makes it.
func (s *Subscriptions) Put(d delivery.Device, channel, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addresses == nil {
		s.addresses = map[delivery.Device]subscribed{}
	}
	if _, known := s.addresses[d]; !known && len(s.addresses) >= maxSubscriptions {
		for other := range s.addresses {
			delete(s.addresses, other)
			break
		}
	}
	s.addresses[d] = subscribed{channel, address}
}

// Remove ends a device's subscription.
func (s *Subscriptions) Remove(d delivery.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.addresses, d)
}

// of gives a device's subscription.
func (s *Subscriptions) of(d delivery.Device) (found subscribed, ok bool) {
	if s == nil {
		return found, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok = s.addresses[d]
	return found, ok
}
