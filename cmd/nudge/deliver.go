package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/channels"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/delivery/webhook"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/device"
	"github.com/nudgehq/nudge/server/ops"
)

// durableStore keeps notifications, and which devices' tokens were revoked.
type durableStore interface {
	delivery.Store
	// Ready says why nothing can be stored now, if so.
	Ready() error
	Revoke(d delivery.Device, at time.Time) error
	Revoked(d delivery.Device) (at time.Time, revoked bool)
}

// deliveries are what HTTP needs: a queue's own, or a node's, which asks the others too.
type deliveries interface {
	server.Queue
	device.Queue
	ops.Deliveries
}

// delivering is what delivers: the store, the queue over it, and the channels.
type delivering struct {
	clock   delivery.Clock
	store   durableStore
	queue   *delivery.Queue
	front   deliveries
	devices *device.Handler
	// embedded is the store where it is this process's own, and shared what makes this process a node; the other is nil.
	embedded *pebblestore.Store
	shared   *sharing
	events   *eventHook
	// failed gives the error after which the store cannot go on.
	failed chan error
}

// deliver opens the store and takes up what it holds.
func (cmd *serveCommand) deliver(ctx context.Context, operators *ops.Ops, development bool, given given, log *slog.Logger) (_ *delivering, err error) {
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
	if err := d.open(ctx, cmd, log); err != nil {
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
		d.events = startEventHook(cmd.EventsWebhook, webhook.New(secrets, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}}), log)
		operators.Counter("nudge_events_dropped_total", "Events that were not posted to the events webhook.", d.events.droppedEvents)
	}
	if address, ok := strings.CutPrefix(cmd.Device, "webhook="); ok {
		if err := outbound.CheckURL(address, cmd.outboundRules()); err != nil {
			log.Warn("no webhook will be sent to the address of --device; see --webhook-allow-private and --webhook-deny", slog.Any("error", err))
		}
	}
	hub := &stream.Hub{MaxConnections: cmd.MaxDeviceConnections}
	var toDevices delivery.Channel = hub
	if d.shared != nil {
		d.shared.members.Compare(cmd.sums(given.files))
		toDevices = d.shared.join(hub)
	}
	hooks := webhook.New(secrets, webhook.Options{Rules: cmd.outboundRules()})
	d.queue, err = delivery.NewQueue(ctx, delivery.Config{
		Store: d.store, Shared: d.shared != nil,
		Channels:   map[string]delivery.Channel{challenges.ChannelStream: toDevices, challenges.ChannelWebhook: hooks},
		Find:       findIn(given.push),
		Clock:      d.clock,
		MaxPending: cmd.MaxPending, MaxPendingDevice: cmd.MaxPendingDevice,
		Observe: func(e delivery.Event) {
			operators.ObserveDelivery(e)
			if d.events != nil {
				d.events.observe(e)
			}
			if d.shared != nil {
				d.shared.node.Tell(e)
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
	d.front = d.queue
	if d.shared != nil {
		if d.front, err = d.shared.start(d.queue); err != nil {
			return nil, err
		}
	}
	d.devices, err = device.New(device.Config{
		Queue: d.front, Hub: hub, Keys: keys, Revoked: d.store.Revoked, MintTokens: development, Documentation: portal.Base, PublicHost: cmd.publicHost(),
		Push:       takesSubscriptions(given.push, given.challenges.subscriptions),
		MaxStreams: cmd.MaxStreams, MaxInFlight: cmd.MaxInflightDevices, Logger: log, NoAccessLog: !cmd.AccessLog,
	})
	if err != nil {
		return nil, err
	}
	d.operate(operators, hub)
	if d.embedded != nil {
		d.operateEmbedded(operators, cmd.Data)
		d.opened(log, cmd.Data)
	} else {
		d.shared.operate(operators)
	}
	return d, nil
}

// findIn finds channels in the file of --channels. Without one there is none yet, and other nodes may have it.
func findIn(push *channels.File) func(name string) delivery.Channel {
	return func(name string) delivery.Channel {
		if push == nil {
			return nil
		}
		return push.Find(name)
	}
}

func (cmd *serveCommand) outboundRules() outbound.Rules {
	return outbound.Rules{AllowPrivate: cmd.WebhookAllowPrivate, Deny: cmd.WebhookDeny}
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
func (d *delivering) operate(operators *ops.Ops, hub *stream.Hub) {
	operators.RegisterDeliveries(d.front)
	operators.CheckReady(d.store.Ready)
	operators.RevokeTokens(func(of delivery.Device) error {
		if err := d.store.Revoke(of, time.Now()); err != nil {
			return err
		}
		hub.Disconnect(of)
		return nil
	})
	operators.Gauge("nudge_device_connections", "Streams that devices hold open.", hub.Connections)
	operators.Gauge("nudge_destinations_failing", "Receivers and providers that fail, so that one attempt at a time probes each.", func() int {
		all := 0
		for _, failing := range d.failing() {
			all += failing
		}
		return all
	})
	operators.GaugeBy("nudge_channel_destinations_failing", "Receivers and providers that fail, by channel.", "channel", d.failing)
	operators.Counter("nudge_clock_steps_total", "How often the wall clock was set while the server ran.", d.queue.ClockSteps)
}

// failing counts the destinations that fail by channel.
func (d *delivering) failing() map[string]int {
	failing := map[string]int{}
	for _, channel := range d.queue.Channels() {
		failing[channel] = d.queue.FailingDestinations(channel)
	}
	return failing
}

// Close ends the deliveries and closes the store. What is pending stays in it.
func (d *delivering) Close() error {
	var err error
	if d.embedded != nil && d.embedded.Failed() {
		// Attempts may wait for it for ever.
		return d.embedded.Close()
	}
	if d.shared != nil {
		// Others take over what is pending, before this process ends.
		d.shared.leave()
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
