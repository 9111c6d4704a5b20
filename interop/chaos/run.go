package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
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
	// Progress is told what happens.
	Progress func(text string)
}

// settle is how long what is pending may take to arrive when all is whole again.
const settle = 90 * time.Second

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
	count := int(o.For.Seconds()*10)*callers + 100
	if err := l.writeChallenges(challenges, count); err != nil {
		return Verdict{}, err
	}
	c, err := local.Start(ctx, local.Options{Dir: o.Dir, Module: o.Module, Flags: []string{"--challenges", challenges, "--webhook-allow-private", "--no-access-log"}})
	if err != nil {
		return Verdict{}, err
	}
	defer c.Stop()
	l.url = c.Balancer.URL()

	listening, hangUp := context.WithCancel(ctx)
	var listeners sync.WaitGroup
	defer func() {
		hangUp()
		listeners.Wait()
	}()
	for i := range devices {
		listeners.Go(func() {
			if err := l.beDevice(listening, fmt.Sprintf("device-%04d", i)); err != nil {
				o.Progress(err.Error())
			}
		})
	}
	calling, stop := context.WithTimeout(ctx, o.For)
	defer stop()
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
		(&breaker{cluster: c, history: history, random: rand.New(rand.NewPCG(o.Seed, 0)), progress: o.Progress, onlyStops: o.OnlyStops}).run(calling) //nolint:gosec // The same seed breaks the same.
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

// breaker breaks processes, one at a time of each kind, and mends them.
type breaker struct {
	cluster  *local.Cluster
	history  *History
	random   *rand.Rand
	progress func(string)
	// onlyStops stops nodes for longer than their lease, and does nothing else.
	onlyStops bool
}

// run breaks something every few seconds until ctx is done; then everything runs.
func (b *breaker) run(ctx context.Context) {
	for ctx.Err() == nil {
		b.wait(ctx, 2*time.Second, 4*time.Second)
		if ctx.Err() != nil {
			return
		}
		if b.onlyStops {
			p := b.cluster.Nodes[b.random.IntN(len(b.cluster.Nodes))].Process
			b.tell(p, Stopped)
			p.Signal(syscall.SIGSTOP)
			b.wait(ctx, lapsed+time.Second, time.Second)
			b.tell(p, GoesOn)
			p.Signal(syscall.SIGCONT)
			continue
		}
		if b.random.IntN(3) == 0 {
			b.breakOne(ctx, b.cluster.NATS[b.random.IntN(len(b.cluster.NATS))], true)
			// One server at a time: two of three are needed.
			b.wait(ctx, 8*time.Second, 4*time.Second)
		} else {
			b.breakOne(ctx, b.cluster.Nodes[b.random.IntN(len(b.cluster.Nodes))].Process, false)
		}
	}
}

// breakOne breaks a process, and mends it some seconds later, in any case.
func (b *breaker) breakOne(ctx context.Context, p *local.Process, isServer bool) {
	switch kind := b.random.IntN(3); {
	case kind == 0:
		b.tell(p, "killed")
		p.Stop(syscall.SIGKILL)
		b.wait(ctx, time.Second, 4*time.Second)
		b.start(p)
	case kind == 1 && !isServer:
		b.tell(p, "ended politely")
		p.Stop(syscall.SIGTERM)
		b.wait(ctx, time.Second, 2*time.Second)
		b.start(p)
	default:
		b.tell(p, Stopped)
		p.Signal(syscall.SIGSTOP)
		b.wait(ctx, time.Second, 6*time.Second)
		b.tell(p, GoesOn)
		p.Signal(syscall.SIGCONT)
	}
}

func (b *breaker) start(p *local.Process) {
	b.tell(p, "started")
	if err := p.Start(); err != nil {
		b.progress(err.Error())
	}
}

func (b *breaker) tell(p *local.Process, what string) {
	b.history.Add(Event{Kind: Fault, Who: p.Name, What: what})
	b.progress(fmt.Sprintf("%6.1f s: %s %s", b.history.Now().Seconds(), p.Name, what))
}

// wait waits for some time between least and least+more, or until ctx is done.
func (b *breaker) wait(ctx context.Context, least, more time.Duration) {
	select {
	case <-time.After(least + time.Duration(b.random.Int64N(int64(more)))):
	case <-ctx.Done():
	}
}
