package delivery

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"
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

// BuriedFor is how long an address is remembered: whoever sends to it after that finds out again.
const BuriedFor = 90 * 24 * time.Hour

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// clocksApart is how far the clock of a directory may be ahead.
const clocksApart = 5 * time.Minute

// grave is where a notification's address is buried, if it is. The zero grave is of one that never is.
type grave struct {
	store AddressStore
	hash  AddressHash
}

// graveOf gives the grave of an address by the settings that are in force now.
func (q *Queue) graveOf(n *Notification) grave {
	store, hash, ok := q.addressHash(n)
	if !ok {
		return grave{}
	}
	return grave{store, hash}
}

// buried gives since when the address is dead.
func (q *Queue) buried(g grave) (since time.Time, dead bool) {
	if g.store == nil {
		return since, false
	}
	since, dead = g.store.Buried(g.hash)
	return since, dead && q.clock.Now().Sub(since) < BuriedFor
}

// checkAddress refuses a notification whose address is dead, unless its device was there again since.
func (q *Queue) checkAddress(ctx context.Context, n *Notification) error {
	g := q.graveOf(n)
	switch since, dead := q.buried(g); {
	case !dead:
		return nil
	case !n.AddressSince.After(since) || n.AddressSince.After(q.clock.Now().Add(clocksApart)):
		return ErrAddressDead
	}
	if err := g.store.Unbury(ctx, g.hash); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// bury remembers that a notification's address is dead, and tells. The attempt that found it out began at a time: a device that was
// there again since then is alive.
func (q *Queue) bury(g grave, record Record, result Result) {
	since := record.LastAttempt
	if !result.deadSince.IsZero() {
		// It is remembered from when it was found out, not from when it happened.
		since = latest(result.deadSince, since.Add(-BuriedFor/2))
	}
	q.channels.burying.Lock()
	defer q.channels.burying.Unlock()
	if _, dead := q.buried(g); dead {
		// Another attempt was faster.
		return
	}
	q.config.Logger.Warn("an address is dead: nothing is sent to it any more", slog.String("sid", record.SID), slog.String("channel", record.Channel),
		slog.String("identity", record.Identity), slog.String("reason", result.reason))
	if g.store != nil {
		if err := g.store.Bury(context.WithoutCancel(q.ctx), g.hash, since); err != nil {
			q.config.Logger.Error("a dead address could not be remembered; the next notification finds out again", slog.String("sid", record.SID), slog.Any("error", err))
		}
	}
	q.config.Observe(Event{Type: EventAddressDead, Time: q.clock.Now(), Record: record, Reason: result.reason})
}
