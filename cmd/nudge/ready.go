package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
)

type readyCommand struct {
	opsURL
}

// Run succeeds while the server is ready, as health checks want it; the error says why it is not.
func (cmd *readyCommand) Run(ctx context.Context, out output) error {
	response, err := cmd.open(ctx, "readyz")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(out.stdout, io.LimitReader(response.Body, 1<<10))
	return err
}

// tell says to systemd how the server is, where it was started as a service of Type=notify.
func (s *serving) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd could not be told", slog.String("state", fmt.Sprintf("%.20s", state)), slog.Any("error", err))
	}
}
