package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nudgehq/nudge/interop/local"
)

// breaker breaks processes, links and a disk, one at a time, and mends them.
type breaker struct {
	cluster  *local.Cluster
	history  *History
	random   *rand.Rand
	progress func(string)
	// onlyStops stops nodes for longer than their lease, and does nothing else; onlyPower cuts the power of servers.
	onlyStops, onlyPower bool
	// clockSteps sets the clocks of nodes too.
	clockSteps bool
	// failed is what could not be broken or mended as it had to be.
	failed error
}

// run breaks something every few seconds until ctx is done; then everything runs.
func (b *breaker) run(ctx context.Context) {
	defer func() {
		for _, n := range b.cluster.Nodes {
			b.step(n, 0)
		}
	}()
	for ctx.Err() == nil {
		b.wait(ctx, 2*time.Second, 4*time.Second)
		if ctx.Err() != nil {
			return
		}
		if b.onlyStops {
			p := b.cluster.Nodes[b.random.IntN(len(b.cluster.Nodes))].Process
			b.tell(p.Name, Stopped)
			p.Signal(syscall.SIGSTOP)
			b.wait(ctx, lapsed+time.Second, time.Second)
			b.tell(p.Name, GoesOn)
			p.Signal(syscall.SIGCONT)
			continue
		}
		servers := len(b.cluster.NATS)
		switch kind := b.random.IntN(10); {
		case b.clockSteps && b.random.IntN(4) == 0:
			// Less than what is left of any TTL.
			b.step(b.cluster.Nodes[b.random.IntN(len(b.cluster.Nodes))], time.Duration(b.random.Int64N(int64(2*maxStep/time.Second)+1))*time.Second-maxStep)
			continue
		case b.onlyPower, kind == 0 && b.cluster.HasDisks():
			b.cutPower(ctx)
		case kind == 1 && b.cluster.HasDisks():
			b.fillDisk(ctx, b.random.IntN(servers))
		case kind == 2:
			b.killServers(ctx)
		case kind < 4:
			b.breakOne(ctx, b.cluster.NATS[b.random.IntN(servers)], true)
		case kind == 4:
			b.breakRoutes(ctx, b.random.IntN(servers))
		case kind < 7:
			b.breakLinks(ctx, b.cluster.Nodes[b.random.IntN(len(b.cluster.Nodes))])
			continue
		default:
			b.breakOne(ctx, b.cluster.Nodes[b.random.IntN(len(b.cluster.Nodes))].Process, false)
			continue
		}
		// One server at a time, but for all of them: two of three are needed.
		b.wait(ctx, 8*time.Second, 4*time.Second)
	}
}

// breakOne breaks a process, and mends it some seconds later, in any case.
func (b *breaker) breakOne(ctx context.Context, p *local.Process, isServer bool) {
	switch kind := b.random.IntN(3); {
	case kind == 0:
		b.tell(p.Name, "killed")
		p.Stop(syscall.SIGKILL)
		b.wait(ctx, time.Second, 4*time.Second)
		b.start(p)
	case kind == 1 && !isServer:
		b.tell(p.Name, "ended politely")
		p.Stop(syscall.SIGTERM)
		b.wait(ctx, time.Second, 2*time.Second)
		b.start(p)
	default:
		b.tell(p.Name, Stopped)
		p.Signal(syscall.SIGSTOP)
		b.wait(ctx, time.Second, 6*time.Second)
		b.tell(p.Name, GoesOn)
		p.Signal(syscall.SIGCONT)
	}
}

// cutPower cuts the power of one server, or of all at the same moment: they lose what they had not synced.
func (b *breaker) cutPower(ctx context.Context) {
	servers, who := []int{0, 1, 2}, "all servers"
	if b.random.IntN(2) == 0 {
		one := b.random.IntN(len(servers))
		servers, who = servers[one:one+1], b.cluster.NATS[one].Name
	}
	b.tell(who, "without power")
	if err := b.cluster.CutPower(servers...); err != nil {
		b.fail(err)
	}
	b.wait(ctx, time.Second, 2*time.Second)
	b.tell(who, "with power")
	for _, i := range servers {
		if err := b.cluster.PowerOn(i); err != nil {
			b.fail(err)
		}
	}
}

// step sets a node's clock wrong by so much.
func (b *breaker) step(n *local.Node, by time.Duration) {
	if !b.clockSteps {
		return
	}
	b.tell(n.Name, WrongClock+by.String())
	if err := n.StepClock(by); err != nil {
		b.fail(err)
	}
}

// killServers kills all servers at once: what was acknowledged is on their disks.
func (b *breaker) killServers(ctx context.Context) {
	b.tell("all servers", "killed")
	for _, p := range b.cluster.NATS {
		p.Signal(syscall.SIGKILL)
	}
	for _, p := range b.cluster.NATS {
		<-p.Ended()
	}
	b.wait(ctx, time.Second, 2*time.Second)
	for _, p := range b.cluster.NATS {
		b.start(p)
	}
}

// breakRoutes breaks the routes from a server to one other, or to both: nodes may be connected to it, and it cannot take what they write.
func (b *breaker) breakRoutes(ctx context.Context, server int) {
	others := []int{(server + 1) % 3, (server + 2) % 3}
	which := "its routes to the others"
	if b.random.IntN(2) == 0 {
		others = others[:1]
		which = "its route to " + b.cluster.NATS[others[0]].Name
	}
	b.breakSome(ctx, b.cluster.NATS[server].Name, which, b.cluster.Routes(server, others...))
}

// breakLinks breaks one link of a node, or all, and mends them some seconds later.
func (b *breaker) breakLinks(ctx context.Context, n *local.Node) {
	links, which := n.Links, "all links"
	if b.random.IntN(3) == 0 {
		// A node has one connection.
		i := 0
		for !links[i].IsUsed() && i < len(links)-1 {
			i++
		}
		links, which = links[i:i+1], fmt.Sprintf("the link to server %d", i+1)
	}
	b.breakSome(ctx, n.Name, which, links)
}

// breakSome breaks links in one way, and mends them some seconds later.
func (b *breaker) breakSome(ctx context.Context, who, which string, links []*local.Link) {
	states := []local.State{local.Cut, local.Stuck, local.Slow}
	i := b.random.IntN(len(states))
	b.tell(who, which+" "+[]string{"cut", "stuck", "slow"}[i])
	for _, link := range links {
		link.Set(states[i])
	}
	b.wait(ctx, time.Second, 7*time.Second)
	b.tell(who, which+" whole again")
	for _, link := range links {
		link.Set(local.Whole)
	}
}

// fillDisk fills the disk of a server, and empties it some seconds later. A server whose disk was full stores nothing any more until it is
// started again.
func (b *breaker) fillDisk(ctx context.Context, server int) {
	p := b.cluster.NATS[server]
	filler := filepath.Join(b.cluster.Disk(server), "filler")
	b.tell(p.Name, "its disk is full")
	if err := local.Fill(filler); err != nil {
		b.fail(err)
	}
	b.wait(ctx, 3*time.Second, 5*time.Second)
	if err := os.Remove(filler); err != nil {
		b.fail(err)
	}
	b.tell(p.Name, "its disk is empty again, and it is restarted")
	p.Stop(syscall.SIGKILL)
	b.start(p)
}

func (b *breaker) start(p *local.Process) {
	b.tell(p.Name, "started")
	if err := p.Start(); err != nil {
		b.fail(err)
	}
}

// fail ends the run: a fault that did not happen proves nothing.
func (b *breaker) fail(err error) {
	b.progress(err.Error())
	b.failed = errors.Join(b.failed, err)
}

func (b *breaker) tell(who, what string) {
	b.history.Add(Event{Kind: Fault, Who: who, What: what})
	b.progress(fmt.Sprintf("%6.1f s: %s %s", b.history.Now().Seconds(), who, what))
}

// wait waits for some time between least and least+more, or until ctx is done.
func (b *breaker) wait(ctx context.Context, least, more time.Duration) {
	select {
	case <-time.After(least + time.Duration(b.random.Int64N(int64(more)))):
	case <-ctx.Done():
	}
}
