package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/delivery"
	"github.com/nudgehq/nudge/server/delivery/pebblestore"
	"github.com/nudgehq/nudge/server/delivery/stream"
	"github.com/nudgehq/nudge/server/delivery/webhook"
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
	d := &delivering{clock: delivery.SystemClock{}, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	var manual *delivery.ManualClock
	if cmd.TestClock {
		manual = delivery.NewManualClock(time.Now())
		d.clock = manual
		operators.MoveClock(manual)
	}
	if d.store, err = pebblestore.Open(cmd.Data, pebblestore.Options{Logger: log, OnFailure: func(err error) { d.failed <- err }}); err != nil {
		return nil, err
	}
	key, err := deviceKey(cmd.DeviceKey, cmd.Data, device.LoadOrMakeKey)
	if err != nil {
		return nil, err
	}
	hooks, err := cmd.webhook(cmd.WebhookAllowPrivate)
	if err != nil {
		return nil, err
	}
	hub := &stream.Hub{}
	d.queue, err = delivery.NewQueue(ctx, delivery.Config{
		Store:    d.store,
		Channels: map[string]delivery.Channel{challenges.ChannelStream: hub, challenges.ChannelWebhook: hooks},
		Clock:    d.clock,
		Observe:  operators.ObserveDelivery,
		Logger:   log,
	})
	if err != nil {
		return nil, err
	}
	if manual != nil {
		manual.Settle = d.queue.Idle
	}
	operators.WatchDeliveries(d.queue)
	if cmd.EventsWebhook != "" {
		// The operator's own URL may be anywhere.
		own, err := cmd.webhook(true)
		if err != nil {
			return nil, err
		}
		d.events = startEventHook(cmd.EventsWebhook, own, operators, log)
	}
	d.devices, err = device.New(device.Config{Queue: d.queue, Hub: hub, Key: key, MintTokens: development, Now: d.clock.Now, Logger: log})
	return d, err
}

// Close ends the deliveries and closes the store. What is pending stays in it.
func (d *delivering) Close() error {
	var err error
	if d.queue != nil {
		err = d.queue.Close()
	}
	if d.events != nil {
		d.events.Close()
	}
	if d.store != nil {
		err = errors.Join(err, d.store.Close())
	}
	return err
}

// webhook makes the channel, with the secret that was given or the data directory's.
func (cmd *serveCommand) webhook(allowPrivate bool) (*webhook.Channel, error) {
	secret := cmd.WebhookSecret
	if secret == "" {
		var err error
		if secret, err = webhook.LoadOrMakeSecret(cmd.Data); err != nil {
			return nil, err
		}
	}
	channel, err := webhook.New(secret, webhook.Options{AllowPrivate: allowPrivate})
	if err != nil {
		return nil, usagef("--webhook-secret: %w", err)
	}
	return channel, nil
}

// deviceKey is the key that was given, or the data directory's.
func deviceKey(text, dir string, load func(dir string) (device.Key, error)) (device.Key, error) {
	if text == "" {
		return load(dir)
	}
	key, err := device.NewKey(text)
	if err != nil {
		return nil, usagef("--device-key: %w", err)
	}
	return key, nil
}
