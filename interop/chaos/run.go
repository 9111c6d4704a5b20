package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/interop/local"
)

// Options are what a run is made of.
type Options struct {
	// Dir is where the history, logs and stores are; Module is the folder of nudge's module.
	Dir, Module string
	// For is how long there are faults, and Seed repeats their order.
	For  time.Duration
	Seed uint64
	// Calm makes no faults, and OnlyStops stops nodes, and nothing else, for longer than their lease.
	Calm, OnlyStops bool
	// OnlyPower cuts the power of servers, and does nothing else. SyncLate has them sync late, so that this loses something.
	OnlyPower, SyncLate bool
	// ClockSteps sets the clocks of nodes too.
	ClockSteps bool
	// Progress is told what happens.
	Progress func(text string)
}

// settle is how long what is pending may take to arrive when all is whole again.
const settle = 90 * time.Second

// calm is how long there is load when faults are long past.
const calm = 10 * time.Second

// callers is how many create at the same time.
const callers = 6

// Run loads a cluster while its processes are killed, stopped and started, lets it settle, and judges.
func Run(ctx context.Context, o Options) (Verdict, error) {
	file, err := os.Create(filepath.Join(o.Dir, "history.jsonl"))
	if err != nil {
		return Verdict{}, err
	}
	defer func() { _ = file.Close() }()
	history := NewHistory(file)
	l := newLoad(history)
	defer l.hooks.Close()
	challenges := filepath.Join(o.Dir, "challenges.yaml")
	// Some eight a second for each caller.
	count := int((o.For+near+calm).Seconds()*10)*callers + 100
	if err := l.writeChallenges(challenges, count); err != nil {
		return Verdict{}, err
	}
	flags := []string{"--challenges", challenges, "--webhook-allow-private", "--no-access-log"}
	if o.SyncLate {
		flags = append(flags, "--accept-weak-durability")
	}
	c, err := local.Start(ctx, local.Options{Dir: o.Dir, Module: o.Module, Links: true, Disks: true, SyncLate: o.SyncLate, ClockSteps: o.ClockSteps, Flags: flags})
	if err != nil {
		return Verdict{}, err
	}
	defer c.Stop()
	if !c.HasDisks() {
		o.Progress(fmt.Sprintf("no disk is filled, and no power cut: that takes root, on Linux: %v", c.NoDisks))
		if o.OnlyPower || o.SyncLate {
			return Verdict{}, c.NoDisks
		}
	}
	l.url = c.Balancer.URL()

	listening, hangUp := context.WithCancel(ctx)
	var listeners sync.WaitGroup
	defer func() {
		hangUp()
		listeners.Wait()
	}()
	for i := range devices {
		listeners.Go(func() {
			if err := l.beDevice(listening, fmt.Sprintf("device-%04d", i), nil); err != nil {
				o.Progress(err.Error())
			}
		})
	}
	for i := range flappers {
		listeners.Go(func() {
			random := rand.New(rand.NewPCG(o.Seed, uint64(1000+i))) //nolint:gosec // The same seed comes and goes the same.
			if err := l.beDevice(listening, fmt.Sprintf("flapper-%04d", i), random); err != nil {
				o.Progress(err.Error())
			}
		})
	}
	// When nothing is broken any more it goes on for a while: what comes twice then has no excuse.
	breaking, stop := context.WithTimeout(ctx, o.For)
	defer stop()
	calling, stopCalls := context.WithTimeout(ctx, o.For+near+calm)
	defer stopCalls()
	var calls sync.WaitGroup
	var next atomic.Int64
	for i := range callers {
		calls.Go(func() {
			l.call(calling, func() (int, bool) {
				n := int(next.Add(1)) - 1
				return n, n < count
			}, rand.New(rand.NewPCG(o.Seed, uint64(i)))) //nolint:gosec // The same seed loads the same.
		})
	}
	if o.Calm {
		<-calling.Done()
	} else {
		b := &breaker{cluster: c, history: history, random: rand.New(rand.NewPCG(o.Seed, 0)), progress: o.Progress, onlyStops: o.OnlyStops, onlyPower: o.OnlyPower, clockSteps: o.ClockSteps} //nolint:gosec // The same seed breaks the same.
		if b.run(breaking); b.failed != nil {
			return Verdict{}, b.failed
		}
	}
	calls.Wait()
	if err := c.Ready(ctx); err != nil {
		return Verdict{}, err
	}
	history.Add(Event{Kind: Ended})
	o.Progress(fmt.Sprintf("all is whole again; %d are to arrive", l.missing()))
	for until := time.Now().Add(settle); l.missing() > 0 && time.Now().Before(until) && ctx.Err() == nil; {
		time.Sleep(100 * time.Millisecond)
	}
	// What comes twice comes soon.
	time.Sleep(3 * time.Second)
	return Check(history.Events()), ctx.Err()
}
