package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/channels"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/internal/pushpeers"
)

const (
	// pushMessages is how many messages a round sends, pushAtOnce how many are under way, and pushRounds how often each way is tried.
	pushMessages = 20_000
	pushAtOnce   = 256
	pushRounds   = 5
)

// runPushPeers plays the providers for runPush, as fast as it can: what is sent is not looked at. It writes what is needed to reach them
// to a directory.
func runPushPeers(args []string) error {
	if len(args) != 1 {
		return errors.New("pushpeers DIR")
	}
	p, err := pushpeers.Start(args[0])
	if err != nil {
		return err
	}
	p.APNs.Script(pushpeers.With(200, "", "apns-id", "00000000-0000-0000-0000-000000000000"))
	p.FCM.Script(pushpeers.With(200, `{"name":"projects/example-app/messages/0:1"}`))
	p.PushService.Script(pushpeers.With(201, ""))
	settings, err := json.Marshal(pushSettings{Addresses: p.Addresses, APNs: p.APNs.URL, Topic: p.APNs.Topic, KeyID: p.APNs.KeyID, TeamID: p.APNs.TeamID, FCM: p.FCM.URL, VAPID: p.VAPID})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(args[0], "settings.json"), settings, 0o600); err != nil {
		return err
	}
	fmt.Println("ready")
	// It ends when whoever has started it does.
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// pushSettings are what those need that do not read the file of channels.
type pushSettings struct {
	Addresses                              map[string]string
	APNs, Topic, KeyID, TeamID, FCM, VAPID string
}

// pushBench is the providers, in a process of their own, with the ways to reach them.
type pushBench struct {
	pushSettings
	dir  string
	file *channels.File
}

// way sends one message, or all of a round.
type way struct {
	name  string
	send  func(i int) error
	round func() error
}

// runPush sets messages a second of each channel beside a bare POST to the same provider, and beside the library for it.
func runPush([]string) error {
	dir, err := os.MkdirTemp("", "nudge-push")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stop, err := startPeers(dir)
	if err != nil {
		return err
	}
	defer stop()
	b := &pushBench{dir: dir}
	data, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	if err == nil {
		err = json.Unmarshal(data, &b.pushSettings)
	}
	if err != nil {
		return err
	}
	if b.file, err = channels.Open(filepath.Join(dir, "channels.yaml"), channels.Options{}); err != nil {
		return err
	}
	fmt.Printf("%d messages, %d at once, %d rounds in turn: medians of messages/s\n", pushMessages, pushAtOnce, pushRounds)
	fmt.Println("channel  way             messages/s   of bare   spread")
	gorush, err := b.startGorush()
	if err != nil {
		return err
	}
	defer gorush.stop()
	for _, channel := range pushpeers.Names {
		ways, err := b.ways(channel)
		if err != nil {
			return err
		}
		if gorush != nil && channel != "browser" {
			ways = append(ways, way{name: "gorush", round: func() error { return gorush.send(channel, b.Addresses[channel], b.Topic) }})
		}
		if err := b.compare(channel, ways); err != nil {
			return err
		}
	}
	return b.costs()
}

// compare tries the ways in turn.
func (b *pushBench) compare(channel string, ways []way) error {
	rates := map[string][]float64{}
	for range pushRounds {
		for _, w := range ways {
			if w.round == nil {
				w.round = func() error { return atOnce(w.send) }
			}
			began := time.Now()
			if err := w.round(); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			rates[w.name] = append(rates[w.name], pushMessages/time.Since(began).Seconds())
		}
		began := time.Now()
		if err := b.queue(channel); err != nil {
			return err
		}
		rates["nudge's queue"] = append(rates["nudge's queue"], pushMessages/time.Since(began).Seconds())
	}
	var bare float64
	for _, name := range append(names(ways), "nudge's queue") {
		slices.Sort(rates[name])
		median := rates[name][pushRounds/2]
		if bare == 0 {
			bare = median
		}
		fmt.Printf("%-8s %-15s %10.0f      %.2f   %.0f to %.0f\n", channel, name, median, median/bare, rates[name][0], rates[name][pushRounds-1])
	}
	return nil
}

func names(ways []way) (list []string) {
	for _, w := range ways {
		list = append(list, w.name)
	}
	return list
}

// atOnce sends the messages of a round.
func atOnce(send func(i int) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, pushAtOnce)
	for range pushAtOnce {
		group.Go(func() {
			for i := next.Add(1); i <= pushMessages; i = next.Add(1) {
				if err := send(int(i)); err != nil {
					failed <- err
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

// queue delivers the messages of a round through a delivery queue.
func (b *pushBench) queue(channel string) error {
	var ended sync.WaitGroup
	ended.Add(pushMessages)
	var failed atomic.Int64
	q, err := delivery.NewQueue(context.Background(), delivery.Config{
		Store: memstore.New(), Find: b.file.Find, Channels: map[string]delivery.Channel{"none": nobody{}},
		Observe: func(e delivery.Event) {
			switch e.Type {
			case delivery.EventDelivered:
				ended.Done()
			case delivery.EventFailed, delivery.EventExpired:
				failed.Add(1)
				ended.Done()
			}
		},
	})
	if err != nil {
		return err
	}
	defer func() { _ = q.Close() }()
	if err := atOnce(func(i int) error { return q.Add(context.Background(), b.notification(channel, i)) }); err != nil {
		return err
	}
	ended.Wait()
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d messages were not delivered", n)
	}
	return nil
}

type nobody struct{}

func (nobody) Deliver(context.Context, delivery.Attempt) delivery.Result {
	return delivery.Gone("nobody")
}

func (b *pushBench) notification(channel string, i int) delivery.Notification {
	n := deliverytest.Notification(i)
	n.Created, n.Channel, n.Address, n.Identity = time.Now(), channel, b.Addresses[channel], fmt.Sprintf("device-%05d", i)
	return n
}

// costs says what a message costs to make, without sending it: through transports that answer at once.
func (b *pushBench) costs() error {
	fmt.Println("\nprocessor time of one message, its provider left out (answered at once in the process)")
	for _, channel := range pushpeers.Names {
		c := b.file.Find(channel)
		n := b.notification(channel, 1)
		result := testing.Benchmark(func(t *testing.B) {
			t.ReportAllocs()
			for range t.N {
				ctx, cancel := context.WithCancel(context.Background())
				// The request is made, and not sent.
				cancel()
				c.Deliver(ctx, delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
			}
		})
		fmt.Printf("%-8s %6.1f µs, %d allocations\n", channel, float64(result.NsPerOp())/1000, result.AllocsPerOp())
	}
	return nil
}

// startPeers starts the providers in a process of their own.
func startPeers(dir string) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := exec.Command(self, "pushpeers", dir)
	p.Stderr = os.Stderr
	// It ends with its input.
	in, err := p.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = in.Close()
		_ = p.Wait()
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		stop()
		return nil, errors.New("the providers did not start")
	}
	return stop, nil
}
