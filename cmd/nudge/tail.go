package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/nudgehq/nudge/server/ops"
)

type tailCommand struct {
	opsURL
	SID      string `name:"sid" env:"-" placeholder:"NT…" help:"Only events of this notification."`
	Identity string `env:"-" placeholder:"ID" help:"Only events of this identity."`
	Type     list   `env:"-" placeholder:"TYPE" help:"Only events of these types, between commas: created, attempted, delivered, expired, failed and those of destinations."`
	Channel  string `env:"-" placeholder:"NAME" help:"Only events of this channel."`
	JSON     bool   `name:"json" env:"-" help:"Print JSON on a terminal too."`
}

// Run prints what happens to notifications, an event a line, until ctx is done. Where the server goes away it is asked again.
func (cmd *tailCommand) Run(ctx context.Context, out output) error {
	away := absence{out: out}
	for {
		err := cmd.watch(ctx, out, &away)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Whoever started it has ended it.
		}
		var refused refusal
		var wrong usageError
		if !away.wasThere || errors.As(err, &refused) && refused.status < 500 || errors.As(err, &wrong) {
			return err
		}
		away.missed(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnect):
		}
	}
}

// watch prints the events of one connection.
func (cmd *tailCommand) watch(ctx context.Context, out output, away *absence) error {
	response, err := cmd.open(ctx, "events")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	away.over()
	w := coloured(out.stdout)
	for event, err := range sse.Read(response.Body, nil) {
		if err != nil {
			return err
		}
		var e ops.Event
		if err := json.Unmarshal([]byte(event.Data), &e); err != nil {
			return fmt.Errorf("an event is not one: %w", err)
		}
		if !cmd.wants(e) {
			continue
		}
		line := event.Data
		if !cmd.JSON && out.isRead() {
			line = eventLine(e)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return errors.New("the server ended the stream of events")
}

// wants tells whether an event is one of those that are asked for.
func (cmd *tailCommand) wants(e ops.Event) bool {
	n := ops.Notification{Channel: e.Channel}
	if e.Notification != nil {
		n = *e.Notification
	}
	return (cmd.SID == "" || n.SID == cmd.SID) && (cmd.Identity == "" || n.Identity == cmd.Identity) &&
		(cmd.Channel == "" || n.Channel == cmd.Channel) && (len(cmd.Type) == 0 || slices.Contains(cmd.Type, string(e.Type)))
}

// eventLine is an event for somebody who reads it: state first, as colours find it there, then time, SID, identity, channel and reason.
func eventLine(e ops.Event) string {
	words := []string{fmt.Sprintf("%-9s", strings.ToUpper(strings.ReplaceAll(string(e.Type), "_", " "))), e.Time.Local().Format(time.TimeOnly)}
	if n := e.Notification; n != nil {
		words = append(words, n.SID, "of", n.Identity, "by", n.Channel)
	} else {
		words = append(words, e.Destination, "by", e.Channel)
	}
	if e.Result != "" {
		words = append(words, e.Result)
	}
	if e.Reason != "" {
		words = append(words, "("+e.Reason+")")
	}
	return strings.Join(words, " ")
}

// absence tells of a server that is away, once, and how often it was asked in vain when it is back.
type absence struct {
	out output
	// wasThere tells that it was connected once; tries counts since it is away.
	wasThere bool
	tries    int
}

func (a *absence) missed(err error) {
	if a.tries++; a.tries == 1 {
		_, _ = fmt.Fprintf(a.out.stderr, "nudge: %v; connecting again\n", err)
	}
}

func (a *absence) over() {
	if a.tries > 0 {
		_, _ = fmt.Fprintf(a.out.stderr, "nudge: connected again, at try %d\n", a.tries)
	}
	a.wasThere, a.tries = true, 0
}
