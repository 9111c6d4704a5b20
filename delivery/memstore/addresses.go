package memstore

import (
	"context"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Bury remembers that an address is dead.
func (s *Store) Bury(_ context.Context, a delivery.AddressHash, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.buried[a] = at
	return nil
}

// Buried gives since when an address is dead.
func (s *Store) Buried(a delivery.AddressHash) (since time.Time, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, dead = s.buried[a]
	return since, dead
}

// Unbury forgets that an address is dead.
func (s *Store) Unbury(_ context.Context, a delivery.AddressHash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	delete(s.buried, a)
	return nil
}
