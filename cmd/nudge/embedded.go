package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/delivery/webhook"
	"github.com/nudgehq/nudge/internal/secretfile"
	"github.com/nudgehq/nudge/server/device"
	"github.com/nudgehq/nudge/server/ops"
)

// open opens the store: this process's own, or the one that --store names.
func (d *delivering) open(ctx context.Context, cmd *serveCommand, log *slog.Logger) (err error) {
	if cmd.Store != "" {
		if d.shared, err = share(ctx, cmd, log); err == nil {
			d.store = d.shared.store
		}
		return err
	}
	options := pebblestore.Options{Logger: log, MinFree: uint64(cmd.MinFree), OnFailure: func(err error) { d.failed <- err }}
	d.embedded, err = pebblestore.Open(cmd.Data, options)
	if err == nil {
		d.store = d.embedded
	}
	return err
}

// operateEmbedded gives operators what an own store has.
func (d *delivering) operateEmbedded(operators *ops.Ops, data string) {
	operators.Backup(func(of, to string) error { return backup(d.embedded, data, of, to) })
	operators.Counter("nudge_store_damaged_total", "Records, blocks and files of the store that could not be read.", d.embedded.Damaged)
}

// opened says in one line what the store holds, and warns of what is not as it should be.
func (d *delivering) opened(log *slog.Logger, data string) {
	file, offset := d.embedded.LogEnd()
	if file != "" {
		file = filepath.Base(file)
	}
	log.Info("the store is open", slog.String("data", data), slog.Int("pending", d.queue.Pending()), slog.Int("damaged", d.embedded.Damaged()),
		slog.String("log", file), slog.Int64("log_ended_at", offset))
	if err := d.embedded.Ready(); err != nil {
		log.Warn("not ready: notifications with a TTL are refused until it passes", slog.Any("error", err))
	}
	for _, path := range []string{data, filepath.Join(data, device.KeyFile), filepath.Join(data, webhook.SecretFile)} {
		if secretfile.Exposed(path) {
			log.Warn("others than its owner can read it: chmod go= "+path, slog.String("path", path))
		}
	}
}

// backup copies the store and its keys into a new directory. Whoever names the directory that is to be copied is told when
// it is another one.
func backup(store *pebblestore.Store, data, of, to string) error {
	if of != "" {
		own, err := os.Stat(data)
		named, errNamed := os.Stat(of)
		if err != nil || errNamed != nil || !os.SameFile(own, named) {
			return fmt.Errorf("this server's directory is %s, and not %s", data, of)
		}
	}
	if err := store.Backup(to); err != nil {
		return err
	}
	for _, name := range []string{device.KeyFile, webhook.SecretFile} {
		content, err := os.ReadFile(filepath.Join(data, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), content, 0o600)
		}
		if err != nil {
			return fmt.Errorf("the store was copied, its %s was not: %w", name, err)
		}
	}
	return nil
}
