package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/ops"
)

// watchedDirectories are those that the nodes share in the store; nil for what is not there.
type watchedDirectories struct {
	accounts   *accounts.Watched
	challenges *challenges.Watched
}

// read reads what is in the store's buckets, and goes on with what changes there until the node leaves.
func (w watchedDirectories) read(ctx context.Context, s *sharing, operators *ops.Ops) error {
	if w.accounts != nil {
		if err := s.watch(ctx, accountsKind{}, w.accounts.Set, operators); err != nil {
			return err
		}
		if w.accounts.Len() == 0 {
			s.log.Warn("--accounts nats: there are no accounts yet, so nobody is let in: nudge accounts put FILE")
		}
		operators.Gauge("nudge_accounts", "Accounts of --accounts nats that this node knows.", w.accounts.Len)
	}
	if w.challenges != nil {
		if err := s.watch(ctx, challengesKind{}, w.challenges.Set, operators); err != nil {
			return err
		}
		if w.challenges.Len() == 0 {
			s.log.Warn("--challenges nats: there are no challenges yet: nudge challenges put FILE")
		}
		operators.Gauge("nudge_challenges", "Challenges of --challenges nats that this node knows.", w.challenges.Len)
	}
	return nil
}

// watch has set told of each entry of a directory. One that is not valid is logged, and the one before it stays.
func (s *sharing) watch(ctx context.Context, kind directoryKind, set func(key string, value []byte) error, operators *ops.Ops) error {
	name := kind.directory().bucket
	bucket, err := s.store.Bucket(ctx, name)
	if err != nil {
		return err
	}
	var refused atomic.Int64
	each := func(key string, value []byte) {
		switch err := set(key, value); {
		case errors.Is(err, accounts.ErrShared):
			s.log.Error("an entry contradicts another one", slog.String("directory", name), slog.String("key", key), slog.Any("error", err))
		case err != nil:
			refused.Add(1)
			s.log.Error("an entry is not valid; what was there before stays in force", slog.String("directory", name), slog.String("key", key), slog.Any("error", err))
		}
	}
	if err := bucket.Read(ctx, each); err != nil {
		return err
	}
	operators.Counter("nudge_"+name+"_refused_total", "Entries of the shared "+name+" that are not valid.", func() int { return int(refused.Load()) })
	s.watching.Go(func() { bucket.Follow(s.watchCtx, each) })
	return nil
}
