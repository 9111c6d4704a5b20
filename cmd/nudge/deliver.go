package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/delivery"
	"github.com/nudgehq/nudge/server/delivery/pebblestore"
	"github.com/nudgehq/nudge/server/delivery/stream"
	"github.com/nudgehq/nudge/server/device"
)

// delivering is what delivers: the store, the queue over it, and the channels.
type delivering struct {
	store   *pebblestore.Store
	queue   *delivery.Queue
	devices *device.Handler
}

// deliver opens the store and takes up what it holds.
func (cmd *serveCommand) deliver(ctx context.Context, log *slog.Logger) (_ *delivering, err error) {
	d := &delivering{}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	if d.store, err = pebblestore.Open(cmd.Data, pebblestore.Options{Logger: log}); err != nil {
		return nil, err
	}
	key, err := deviceKey(cmd.DeviceKey, cmd.Data)
	if err != nil {
		return nil, err
	}
	hub := &stream.Hub{}
	d.queue, err = delivery.NewQueue(ctx, delivery.Config{
		Store:    d.store,
		Channels: map[string]delivery.Channel{challenges.ChannelStream: hub},
		Logger:   log,
	})
	if err != nil {
		return nil, err
	}
	d.devices, err = device.New(device.Config{Queue: d.queue, Hub: hub, Key: key, Logger: log})
	return d, err
}

// Close ends the deliveries and closes the store. What is pending stays in it.
func (d *delivering) Close() error {
	var err error
	if d.queue != nil {
		err = d.queue.Close()
	}
	if d.store != nil {
		err = errors.Join(err, d.store.Close())
	}
	return err
}

// deviceKey is the key that was given, or the data directory's.
func deviceKey(text, dir string) (device.Key, error) {
	if text == "" {
		return device.LoadKey(dir)
	}
	key, err := device.NewKey(text)
	if err != nil {
		return nil, usagef("--device-key: %w", err)
	}
	return key, nil
}
