package jetstream

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nudgehq/nudge/delivery"
)

// Bury remembers, durably and for all processes, that an address is dead.
func (s *Store) Bury(ctx context.Context, a delivery.AddressHash, at time.Time) error {
	key, value := hex.EncodeToString(a[:]), []byte(at.UTC().Format(time.RFC3339Nano))
	if err := s.graves.Put(ctx, key, value); err != nil {
		return err
	}
	if since, known := s.Buried(a); !known || since.Before(at) {
		s.noteBuried(key, value)
	}
	return nil
}

// Unbury forgets, for all processes, that an address is dead.
func (s *Store) Unbury(ctx context.Context, a delivery.AddressHash) error {
	key := hex.EncodeToString(a[:])
	if err := s.graves.Remove(ctx, key); err != nil {
		return err
	}
	s.noteBuried(key, nil)
	return nil
}

// Buried gives since when an address is dead.
func (s *Store) Buried(a delivery.AddressHash) (since time.Time, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, dead = s.buried[a]
	return since, dead
}

// Addresses gives the addresses that are dead.
func (s *Store) Addresses(context.Context) (list []delivery.DeadAddress, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, since := range s.buried {
		list = append(list, delivery.DeadAddress{Hash: hash, Since: since})
	}
	return list, nil
}

// watchBuried reads the dead addresses that are known, and goes on with what others find out.
func (s *Store) watchBuried(ctx context.Context) (err error) {
	if s.graves, err = s.bucket(ctx, "dead", delivery.BuriedFor); err != nil {
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			// A store of before there was one has none, and is only read.
			s.options.Logger.Debug("the store knows of no dead addresses", slog.Any("error", err))
			return nil
		}
		return err
	}
	if err := s.graves.Read(ctx, s.noteBuried); err != nil {
		return err
	}
	s.watching.Go(func() { s.graves.Follow(s.watchCtx, s.noteBuried) })
	return nil
}

// noteBuried keeps what an entry says.
func (s *Store) noteBuried(key string, data []byte) {
	digits, err := hex.DecodeString(key)
	var hash delivery.AddressHash
	if err != nil || copy(hash[:], digits) != len(hash) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	since, err := time.Parse(time.RFC3339Nano, string(data))
	if err != nil {
		delete(s.buried, hash)
		return
	}
	s.buried[hash] = since
}
