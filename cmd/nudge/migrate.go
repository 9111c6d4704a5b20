package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/jetstream"
	"github.com/nudgehq/nudge/delivery/pebblestore"
)

type migrateCommand struct {
	From string `required:"" placeholder:"DIR|nats://A,B,C" help:"Where the notifications are: the data directory of a server that does not run, or NATS servers whose nodes do not."`
	To   string `required:"" placeholder:"nats://A,B,C|DIR" help:"Where they go; made where there is none."`
	natsFlags
}

// Help is what the command's help says below its flags.
func (*migrateCommand) Help() string {
	return "What is pending goes on where it is moved to, with its expiry and the counts of its challenges; revoked tokens stay revoked. " +
		"What is printed: pending and ended count the notifications that were moved and copied, already_there those that an earlier move had brought. " +
		"The NATS user is the operator of deploy/cluster/nats.conf. " +
		"A move that was cut off is repeated by the same command, and goes back with --from and --to exchanged. " +
		"Keys are not moved: start the nodes with the --device-key and the --webhook-secret that device.key and webhook.secret in the directory hold."
}

// Run moves what is pending, and prints how much as JSON.
func (cmd *migrateCommand) Run(ctx context.Context, out output) error {
	if areNATSServers(cmd.From) == areNATSServers(cmd.To) {
		return usagef("of --from and --to one must be a directory, and the other URLs such as nats://HOST:PORT, with commas between")
	}
	if err := cmd.check(); err != nil {
		return err
	}
	if !areNATSServers(cmd.From) {
		if info, err := os.Stat(cmd.From); err != nil || !info.IsDir() {
			return usagef("--from %s is not a directory", cmd.From)
		}
		if !pebblestore.IsStore(cmd.From) {
			return usagef("--from %s holds no store", cmd.From)
		}
	}
	from, ctx, endFrom, err := cmd.open(ctx, "--from", cmd.From, out)
	if err != nil {
		return err
	}
	defer endFrom()
	to, ctx, endTo, err := cmd.open(ctx, "--to", cmd.To, out)
	if err != nil {
		return err
	}
	defer endTo()
	report, err := delivery.Move(ctx, from, to)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	if printed := json.NewEncoder(out.stdout).Encode(report); err == nil {
		err = printed
	}
	if err != nil {
		err = fmt.Errorf("not all was moved; the same command goes on: %w", err)
	}
	return err
}

// open opens a store that no process uses, and keeps others from it until end; moving is done when it cannot any more.
func (cmd *migrateCommand) open(ctx context.Context, flag, where string, out output) (store delivery.PortableStore, moving context.Context, end func(), err error) {
	log := plainLogger(out.stderr)
	if !areNATSServers(where) {
		embedded, err := pebblestore.Open(where, pebblestore.Options{Logger: log})
		if err != nil {
			return nil, ctx, nil, fmt.Errorf("%s: %w", flag, err)
		}
		return embedded, ctx, func() { closeStore(embedded, log) }, nil
	}
	options, err := cmd.options(where, "nudge migrate", log)
	if err != nil {
		return nil, ctx, nil, err
	}
	options.MustExist = flag == "--from"
	shared, err := jetstream.Open(ctx, options)
	if err != nil {
		return nil, ctx, nil, unreachable(flag, where, err)
	}
	moving, endMove, err := shared.BeginMove(ctx, jetstream.DefaultTiming)
	if err != nil {
		return nil, ctx, nil, errors.Join(fmt.Errorf("%s: %w", flag, err), shared.Close())
	}
	return shared, moving, func() {
		endMove()
		closeStore(shared, log)
	}, nil
}

// closeStore closes a store, in which all that is to be durable is so.
func closeStore(s delivery.Store, log *slog.Logger) {
	if err := s.Close(); err != nil {
		log.Warn("a store was not closed cleanly", slog.Any("error", err))
	}
}
