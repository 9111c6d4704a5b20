package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/device"
)

// key signs the devices' tokens.
var key = device.Key("bench: a key that everybody knows")

// maxPending is more than any measurement adds.
const maxPending = 20_000_000

const service = "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// runServer serves until it is killed, and prints its URL.
func runServer(args []string) error {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	data := flags.String("data", "", "directory of the store; empty: in memory")
	fill := flags.Int("fill", 0, "notifications to add before serving")
	documented := flags.Bool("portal", false, "serve the documentation and its MCP server beside the operation")
	from := flags.Duration("from", 90*time.Second, "when the first of them expires")
	_ = flags.Parse(args)
	// As nudge serve does.
	runtime.GOMAXPROCS(runtime.NumCPU() + 2)

	var store delivery.Store = memstore.New()
	if *data != "" {
		var err error
		if store, err = pebblestore.Open(*data, pebblestore.Options{}); err != nil {
			return err
		}
	}
	var expired, worst atomic.Int64
	hub := &stream.Hub{}
	queue, err := delivery.NewQueue(context.Background(), delivery.Config{
		Store: store, Channels: map[string]delivery.Channel{challenges.ChannelStream: hub},
		MaxPending: maxPending,
		Observe: func(e delivery.Event) {
			if e.Type != delivery.EventExpired {
				return
			}
			expired.Add(1)
			lag := int64(e.Time.Sub(e.Record.Expires()))
			for old := worst.Load(); lag > old && !worst.CompareAndSwap(old, lag); old = worst.Load() {
			}
		},
	})
	if err != nil {
		return err
	}
	if err := addMany(queue, *fill, *from); err != nil {
		return err
	}
	devices, err := device.New(device.Config{Queue: queue, Hub: hub, Keys: device.FixedKeys(key)})
	if err != nil {
		return err
	}
	handler, err := server.New(server.Config{Accounts: accounts.Development(), Challenges: challenges.Any{}, Queue: queue})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/bench", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d %d %d", queue.Pending(), expired.Load(), worst.Load())
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	operations := devices.Mount(handler)
	if *documented {
		if operations, err = documentation("http://"+l.Addr().String(), operations); err != nil {
			return err
		}
	}
	mux.Handle("/", operations)
	fmt.Printf("url http://%s\n", l.Addr())
	return (&http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}).Serve(handler.Listener(l))
}

// documentation puts the portal and its MCP server beside the operation, as nudge serve does.
func documentation(url string, operations http.Handler) (http.Handler, error) {
	p, err := portal.New(portal.Config{PublicURL: url})
	if err != nil {
		return nil, err
	}
	tools, err := mcp.New(mcp.Config{Portal: p})
	if err != nil {
		return nil, err
	}
	pages, err := p.Handler()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle(mcp.Path, tools.Handler())
	return portal.Mount(mux, operations), nil
}

// addMany adds notifications for as many devices, which are all offline; they expire over 100 seconds.
func addMany(queue *delivery.Queue, n int, from time.Duration) error {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, 1)
	for range 256 {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				err := queue.Add(context.Background(), delivery.Notification{
					SID: fmt.Sprintf("NT%032x", i), AccountSID: accounts.DevelopmentSID, EntitySID: fmt.Sprintf("YE%032x", i),
					ChallengeSID: fmt.Sprintf("YC%032x", i), Device: delivery.Device{ServiceSID: service, Identity: fmt.Sprintf("device-%08d", i)},
					Created: time.Now().UTC().Truncate(time.Millisecond), TTL: from + time.Duration(i%100)*time.Second, Channel: challenges.ChannelStream,
				})
				if err != nil {
					select {
					case failed <- err:
					default:
					}
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
