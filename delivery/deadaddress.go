package delivery

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
)

// AddressHash tells addresses of providers apart. It is a hash: who reads a store need not learn them.
type AddressHash [16]byte

// addressHash gives the hash of a notification's address; ok is false where its channel is of no provider, or the store remembers
// none.
func (q *Queue) addressHash(n *Notification) (store AddressStore, h AddressHash, ok bool) {
	store, ok = q.config.Store.(AddressStore)
	if !ok || n.Address == "" {
		return nil, h, false
	}
	provider, ok := q.channelOf(n.Channel).(Provider)
	if !ok {
		return nil, h, false
	}
	sum := sha256.Sum256([]byte(provider.AddressKey(n.Address)))
	return store, AddressHash(sum[:len(h)]), true
}

// isDead tells whether nothing arrives at a notification's address any more.
func (q *Queue) isDead(n *Notification) bool {
	store, hash, ok := q.addressHash(n)
	if !ok {
		return false
	}
	_, dead := store.Buried(hash)
	return dead
}

// checkAddress refuses a notification whose address is dead, unless its device was there again since.
func (q *Queue) checkAddress(ctx context.Context, n *Notification) error {
	store, hash, ok := q.addressHash(n)
	if !ok {
		return nil
	}
	switch since, dead := store.Buried(hash); {
	case !dead:
		return nil
	case !n.AddressSince.After(since):
		return ErrAddressDead
	}
	if err := store.Unbury(ctx, hash); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// bury remembers that a notification's address is dead, and tells.
func (q *Queue) bury(record Record, result Result) {
	q.config.Logger.Warn("an address is dead: nothing is sent to it any more", slog.String("sid", record.SID), slog.String("channel", record.Channel),
		slog.String("identity", record.Identity), slog.String("reason", result.reason))
	if store, hash, ok := q.addressHash(&record.Notification); ok {
		if err := store.Bury(context.WithoutCancel(q.ctx), hash, q.clock.Now()); err != nil {
			q.config.Logger.Error("a dead address could not be remembered; the next notification finds out again", slog.String("sid", record.SID), slog.Any("error", err))
		}
	}
	q.config.Observe(Event{Type: EventAddressDead, Time: q.clock.Now(), Record: record, Reason: result.reason})
}
