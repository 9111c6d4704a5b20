package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/server/device"
)

type storeCommands struct {
	Check  storeCheckCommand  `cmd:"" help:"Read all of a store whose server does not run, and say what it holds and what is damaged."`
	Backup storeBackupCommand `cmd:"" help:"Copy the store of a running server."`
}

type storeCheckCommand struct {
	Dir string `arg:"" help:"The data directory."`
}

// Run prints what the store holds, as JSON; it fails when something of it cannot be read.
func (cmd *storeCheckCommand) Run(out output) error {
	report, err := pebblestore.Check(cmd.Dir, plainLogger(out.stderr))
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out.stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return err
	}
	if report.Damaged > 0 {
		return fmt.Errorf("%s: damaged in %d places", cmd.Dir, report.Damaged)
	}
	return nil
}

type storeBackupCommand struct {
	opsURL
	Dir string `arg:"" help:"The data directory of the running server."`
	To  string `arg:"" help:"The directory of the copy, which must not be there yet. Its server can be started at once."`
}

// Run has the server copy its store.
func (cmd *storeBackupCommand) Run(ctx context.Context, out output) error {
	dir, err := filepath.Abs(cmd.Dir)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(cmd.To)
	if err != nil {
		return err
	}
	if err := cmd.post(ctx, "store/backup", url.Values{"data": {dir}, "to": {to}}); err != nil {
		if _, unanswered := errors.AsType[*url.Error](err); unanswered {
			return fmt.Errorf("the server that uses %s has to run, and to answer at --ops-url: %w", cmd.Dir, err)
		}
		return err
	}
	_, err = fmt.Fprintln(out.stdout, to)
	return err
}

type deviceRevokeCommand struct {
	opsURL
	Service  string `required:"" placeholder:"VA…" help:"The service's SID."`
	Identity string `required:"" placeholder:"ID" help:"The identity of the entity that the device belongs to."`
}

// Run has the server refuse the tokens of a device that were minted up to now.
func (cmd *deviceRevokeCommand) Run(ctx context.Context, out output) error {
	if err := device.Check(delivery.Device{ServiceSID: cmd.Service, Identity: cmd.Identity}); err != nil {
		return usageError{err}
	}
	if err := cmd.post(ctx, "devices/revoke", url.Values{"service": {cmd.Service}, "identity": {cmd.Identity}}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out.stdout, "revoked; tokens that are minted from the next second on are good")
	return err
}
