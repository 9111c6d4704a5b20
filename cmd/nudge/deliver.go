package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/delivery/webhook"
	"github.com/nudgehq/nudge/internal/secretfile"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/device"
	"github.com/nudgehq/nudge/server/ops"
)

// delivering is what delivers: the store, the queue over it, and the channels.
type delivering struct {
	clock   delivery.Clock
	store   *pebblestore.Store
	queue   *delivery.Queue
	devices *device.Handler
	events  *eventHook
	// failed gives the error after which the store cannot go on.
	failed chan error
}

// deliver opens the store and takes up what it holds.
func (cmd *serveCommand) deliver(ctx context.Context, operators *ops.Ops, development bool, log *slog.Logger) (_ *delivering, err error) {
	d := &delivering{clock: machineClock{}, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	var manual *delivery.ManualClock
	if cmd.TestClock {
		manual = delivery.NewManualClock(time.Now())
		d.clock = manual
		operators.MoveClock(manual)
	}
	// The settings first: a wrong one leaves no directory behind.
	if err := cmd.checkSecrets(); err != nil {
		return nil, err
	}
	options := pebblestore.Options{Logger: log, MinFree: uint64(cmd.MinFree), OnFailure: func(err error) { d.failed <- err }}
	if d.store, err = pebblestore.Open(cmd.Data, options); err != nil {
		return nil, err
	}
	keys, err := cmd.deviceKeys(log)
	if err != nil {
		return nil, err
	}
	secrets, err := cmd.secrets(log)
	if err != nil {
		return nil, err
	}
	if cmd.EventsWebhook != "" {
		// The operator's own URL may be anywhere.
		d.events = startEventHook(cmd.EventsWebhook, webhook.New(secrets, webhook.Options{AllowPrivate: true}), log)
		operators.Counter("nudge_events_dropped_total", "Events that were not posted to the events webhook.", d.events.droppedEvents)
	}
	if address, ok := strings.CutPrefix(cmd.Device, "webhook="); ok {
		if err := webhook.CheckAddress(address, cmd.webhookOptions()); err != nil {
			log.Warn("no webhook will be sent to the address of --device; see --webhook-allow-private and --webhook-deny", slog.Any("error", err))
		}
	}
	hub := &stream.Hub{MaxConnections: cmd.MaxDeviceConnections}
	hooks := webhook.New(secrets, cmd.webhookOptions())
	d.queue, err = delivery.NewQueue(ctx, delivery.Config{
		Store:      d.store,
		Channels:   map[string]delivery.Channel{challenges.ChannelStream: hub, challenges.ChannelWebhook: hooks},
		Clock:      d.clock,
		MaxPending: cmd.MaxPending, MaxPendingDevice: cmd.MaxPendingDevice,
		Observe: func(e delivery.Event) {
			operators.ObserveDelivery(e)
			if d.events != nil {
				d.events.observe(e)
			}
		},
		Logger: log,
	})
	if err != nil {
		return nil, err
	}
	if manual != nil {
		manual.Settle = d.queue.Idle
	}
	d.devices, err = device.New(device.Config{
		Queue: d.queue, Hub: hub, Keys: keys, Revoked: d.store.Revoked, MintTokens: development, PublicHost: cmd.publicHost(),
		MaxStreams: cmd.MaxStreams, MaxInFlight: cmd.MaxInflightDevices, Logger: log, NoAccessLog: !cmd.AccessLog,
	})
	if err != nil {
		return nil, err
	}
	d.operate(operators, hub, cmd.Data)
	d.opened(log, cmd.Data)
	return d, nil
}

func (cmd *serveCommand) webhookOptions() webhook.Options {
	return webhook.Options{AllowPrivate: cmd.WebhookAllowPrivate, Deny: cmd.WebhookDeny}
}

// checkSecrets checks the keys and secrets of the command line.
func (cmd *serveCommand) checkSecrets() error {
	if len(cmd.DeviceKey) > 0 {
		if _, err := cmd.deviceKeys(nil); err != nil {
			return err
		}
	}
	if len(cmd.WebhookSecret) > 0 {
		if _, err := cmd.secrets(nil); err != nil {
			return err
		}
	}
	return nil
}

// operate gives operators what they see and do of the deliveries.
func (d *delivering) operate(operators *ops.Ops, hub *stream.Hub, data string) {
	operators.RegisterDeliveries(d.queue)
	operators.CheckReady(d.store.Ready)
	operators.Backup(func(of, to string) error { return backup(d.store, data, of, to) })
	operators.RevokeTokens(func(of delivery.Device) error {
		if err := d.store.Revoke(of, time.Now()); err != nil {
			return err
		}
		hub.Disconnect(of)
		return nil
	})
	operators.Gauge("nudge_device_connections", "Streams that devices hold open.", hub.Connections)
	operators.Gauge("nudge_destinations_failing", "Receivers of webhooks that fail, so that one attempt at a time probes each.",
		func() int { return d.queue.FailingDestinations(challenges.ChannelWebhook) })
	operators.Counter("nudge_clock_steps_total", "How often the wall clock was set while the server ran.", d.queue.ClockSteps)
	operators.Counter("nudge_store_damaged_total", "Records, blocks and files of the store that could not be read.", d.store.Damaged)
}

// opened says in one line what the store holds, and warns of what is not as it should be.
func (d *delivering) opened(log *slog.Logger, data string) {
	file, offset := d.store.LogEnd()
	if file != "" {
		file = filepath.Base(file)
	}
	log.Info("the store is open", slog.String("data", data), slog.Int("pending", d.queue.Pending()), slog.Int("damaged", d.store.Damaged()),
		slog.String("log", file), slog.Int64("log_ended_at", offset))
	if err := d.store.Ready(); err != nil {
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

// Close ends the deliveries and closes the store. What is pending stays in it.
func (d *delivering) Close() error {
	var err error
	if d.store != nil && d.store.Failed() {
		// Attempts may wait for it for ever.
		return d.store.Close()
	}
	if d.queue != nil {
		err = d.queue.Close()
	}
	if d.events != nil {
		d.events.close()
	}
	if d.store != nil {
		err = errors.Join(err, d.store.Close())
	}
	return err
}
