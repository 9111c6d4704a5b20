package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/delivery/webhook"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/device"
	"github.com/nudgehq/nudge/server/ops"
)

// sleeper is the system clock of a machine that sleeps when it is told to: timers do not notice.
type sleeper struct {
	delivery.SystemClock
	slept atomic.Int64
}

func (c *sleeper) Now() time.Time { return time.Now().Add(time.Duration(c.slept.Load())).Round(0) }
func (c *sleeper) Elapsed() time.Duration {
	return c.SystemClock.Elapsed() + time.Duration(c.slept.Load())
}

// runSoakServer is what `nudge serve` is made of, on a clock that POST /sleep?for=3h moves; it prints its URLs.
func runSoakServer(args []string) error {
	flags := flag.NewFlagSet("soakserver", flag.ExitOnError)
	data := flags.String("data", "", "directory of the store")
	file := flags.String("challenges", "", "file of challenges")
	key := flags.String("key", "", "key of device tokens")
	_ = flags.Parse(args)
	log, clock, operators := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), &sleeper{}, ops.New()
	store, err := pebblestore.Open(*data, pebblestore.Options{Logger: log})
	if err != nil {
		return err
	}
	directory, err := challenges.OpenFile(*file, log)
	if err != nil {
		return err
	}
	secrets, err := webhook.OpenSecrets(*data, log)
	if err != nil {
		return err
	}
	hub := &stream.Hub{}
	queue, err := delivery.NewQueue(context.Background(), delivery.Config{
		Store: store, Clock: clock, Observe: operators.ObserveDelivery,
		Channels: map[string]delivery.Channel{challenges.ChannelStream: hub, challenges.ChannelWebhook: webhook.New(secrets, webhook.Options{Rules: outbound.Rules{AllowPrivate: true}})},
	})
	if err != nil {
		return err
	}
	devices, err := device.New(device.Config{Queue: queue, Hub: hub, Keys: device.FixedKeys(device.Key(*key)), Logger: log})
	if err != nil {
		return err
	}
	handler, err := server.New(server.Config{Accounts: accounts.Development(), Challenges: directory, Queue: queue, Now: clock.Now, Logger: log, Observe: operators.Observe})
	if err != nil {
		return err
	}
	operators.RegisterDeliveries(queue)
	operators.SetReady(true)
	private := http.NewServeMux()
	private.Handle("/", operators.Handler())
	private.HandleFunc("POST /sleep", func(w http.ResponseWriter, r *http.Request) {
		if d, err := time.ParseDuration(r.FormValue("for")); err == nil {
			clock.slept.Add(int64(d))
		}
	})
	for name, h := range map[string]http.Handler{"ops": private, "url": devices.Mount(handler)} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(l, h) }()
		fmt.Printf("%s http://%s\n", name, l.Addr())
	}
	select {}
}
