package main

import (
	"container/heap"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/cluster"
)

const (
	// simulatedTTL is every notification's; a device is online or not for onlineFor at a time, each from moments of its own, and for
	// onlineShare of its time.
	simulatedTTL = 5 * time.Minute
	onlineFor    = 10 * time.Minute
	onlineShare  = 30
	// simulatedLease is how long a node may act after each beat, and declaredDead after which silence it is taken over. A device that is
	// online for longer than soon is owed what is valid.
	simulatedLease, declaredDead, soon = 3 * time.Second, 4 * time.Second, 10 * time.Second
)

// simulation is a cluster of the real queues and the real plan, over a store and a clock that are simulated.
type simulation struct {
	random  *rand.Rand
	clock   *delivery.ManualClock
	devices int
	store   *simulatedStore
	nodes   []*simulatedNode
	owners  cluster.Owners
	wakes   wakes

	created, delivered, expired, lost, late, twice, moved, deaths int
	waited                                                        time.Duration
	// sent tells of each notification, by its number, whether it was delivered.
	sent []bool
}

// simulatedNode is one of its processes; it is nil in the list while it is down.
type simulatedNode struct {
	name  string
	queue *delivery.Queue
	// down is when it was heard of last; zero while it lives. It does not know, and goes on until its lease is over.
	down time.Time
}

// runSimulate lets a cluster live for days.
func runSimulate(args []string) error {
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	nodes := flags.Int("nodes", 100, "nodes")
	devices := flags.Int("devices", 10_000_000, "devices, each of which gets one notification a day")
	days := flags.Float64("days", 1, "days")
	seed := flags.Uint64("seed", 1, "repeats a run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := &simulation{random: rand.New(rand.NewPCG(*seed, 0)), clock: delivery.NewManualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), devices: *devices, store: newSimulatedStore(), sent: []bool{false}} //nolint:gosec // The same seed lives the same days.
	for i := range *nodes {
		node := &simulatedNode{name: "n" + strconv.Itoa(i)}
		s.nodes = append(s.nodes, node)
		if err := s.start(node); err != nil {
			return err
		}
	}
	s.clock.Settle = s.settle
	began := time.Now()
	seconds := int(*days * 24 * 60 * 60)
	perSecond, owed := float64(*devices)/(24*60*60), 0.0
	most := 0
	for range seconds {
		if s.random.IntN(600) == 0 {
			s.silence(s.nodes[s.random.IntN(len(s.nodes))])
		}
		if err := s.beat(); err != nil {
			return err
		}
		for owed += perSecond; owed >= 1; owed-- {
			if err := s.create(); err != nil {
				return err
			}
		}
		s.wake()
		s.clock.Advance(time.Second)
		most = max(most, len(s.store.place))
	}
	took := time.Since(began)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	shares := map[string]int{}
	for _, owner := range s.owners {
		shares[owner]++
	}
	fmt.Printf("%d nodes, %d devices, %.1f days in %.0f s, at most %d pending, %d MB\n\n", *nodes, *devices, *days, took.Seconds(), most, memory.Sys>>20)
	fmt.Printf("| created | delivered | expired while offline | pending in the end | lost | after their TTL | twice | nodes that died | partitions that moved | mean wait |\n|---|---|---|---|---|---|---|---|---|---|\n")
	lost := s.lost + s.created - s.delivered - s.expired - len(s.store.place)
	fmt.Printf("| %d | %d | %d | %d | %d | %d | %d | %d | %d | %.1f s |\n\n", s.created, s.delivered, s.expired, len(s.store.place), lost, s.late, s.twice, s.deaths, s.moved, s.waited.Seconds()/float64(max(s.delivered, 1)))
	fmt.Printf("%d of %d nodes own a partition; the largest share is %d, the mean %.2f\n", len(shares), *nodes, slices.Max(values(shares)), float64(delivery.Partitions)/float64(*nodes))
	if lost != 0 || s.late+s.twice > 0 {
		return fmt.Errorf("%d lost, %d late, %d twice", lost, s.late, s.twice)
	}
	return nil
}

func values(m map[string]int) (list []int) {
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// start starts a node, new or again.
func (s *simulation) start(n *simulatedNode) (err error) {
	n.down = time.Time{}
	n.queue, err = delivery.NewQueue(context.Background(), delivery.Config{
		Store: s.store, Shared: true, Clock: s.clock, Random: s.random.Float64, Workers: 4,
		Channels: map[string]delivery.Channel{"stream": simulatedChannel{s}},
		Observe:  func(e delivery.Event) { s.observe(e) },
	})
	return err
}

func (s *simulation) observe(e delivery.Event) {
	if e.Type != delivery.EventExpired {
		return
	}
	device, _ := strconv.Atoi(e.Record.Identity)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.expired++
	if s.wasOnline(device, e.Record.Created, e.Record.Expires()) {
		s.lost++
	}
}

// silence has nobody hear of a node any more. It goes on until its lease is over.
func (s *simulation) silence(n *simulatedNode) {
	if n.down.IsZero() {
		n.down = s.clock.Now()
		s.deaths++
	}
}

// beat has the living nodes extend their leases, starts the dead ones again after a minute, and follows the plan.
func (s *simulation) beat() error {
	now := s.clock.Now()
	var alive []string
	for _, n := range s.nodes {
		if !n.down.IsZero() && now.Sub(n.down) > time.Minute {
			_ = n.queue.Close()
			if err := s.start(n); err != nil {
				return err
			}
		}
		if n.down.IsZero() {
			n.queue.Extend(now.Add(simulatedLease))
		}
		if n.down.IsZero() || now.Sub(n.down) < declaredDead {
			alive = append(alive, n.name)
		}
	}
	seen := s.owners
	for p, owner := range seen {
		if !slices.Contains(alive, owner) {
			seen[p] = ""
		}
	}
	plan := cluster.Plan(alive, seen)
	for p, owner := range plan {
		if owner == s.owners[p] {
			continue
		}
		if before := s.node(s.owners[p]); before != nil && before.down.IsZero() {
			before.queue.Release(p)
		}
		if after := s.node(owner); after.down.IsZero() {
			if err := after.queue.Take(context.Background(), p); err != nil {
				return err
			}
			if s.owners[p] != "" {
				s.moved++
			}
			s.owners[p] = owner
		}
	}
	return nil
}

func (s *simulation) node(name string) *simulatedNode {
	if name == "" {
		return nil
	}
	i, _ := strconv.Atoi(name[1:])
	return s.nodes[i]
}

// create creates a notification at some node, for some device.
func (s *simulation) create() error {
	device := s.random.IntN(s.devices)
	s.created++
	s.store.mu.Lock()
	s.sent = append(s.sent, false)
	s.store.mu.Unlock()
	n := delivery.Notification{
		SID: fmt.Sprintf("NT%032x", s.created), AccountSID: "AC", EntitySID: "YE", ChallengeSID: "YC", Channel: "stream", Created: s.clock.Now(), TTL: simulatedTTL,
		Device: delivery.Device{ServiceSID: "VA", Identity: strconv.Itoa(device)},
	}
	// A balancer has noticed who is away for long; others are as good as any.
	at := s.nodes[s.random.IntN(len(s.nodes))]
	for !at.down.IsZero() && s.clock.Now().Sub(at.down) > declaredDead && len(s.nodes) > 1 {
		at = s.nodes[s.random.IntN(len(s.nodes))]
	}
	if err := at.queue.Add(context.Background(), n); err != nil {
		return err
	}
	owner := s.node(s.owners[delivery.PartitionOf(n.Device)])
	if err := owner.queue.Accept(delivery.Record{Notification: n, State: delivery.Pending}); err != nil {
		return err
	}
	if !s.online(device, s.clock.Now()) {
		heap.Push(&s.wakes, wake{s.next(device, s.clock.Now()), device})
	}
	return nil
}

// wake tells the owners of the devices that come online now.
func (s *simulation) wake() {
	for len(s.wakes) > 0 && !s.wakes[0].at.After(s.clock.Now()) {
		w := heap.Pop(&s.wakes).(wake)
		d := delivery.Device{ServiceSID: "VA", Identity: strconv.Itoa(w.device)}
		if owner := s.node(s.owners[delivery.PartitionOf(d)]); s.online(w.device, s.clock.Now()) {
			_ = owner.queue.Wake(context.Background(), d)
		}
	}
}

// settle waits until no node does anything.
func (s *simulation) settle() {
	for _, n := range s.nodes {
		n.queue.Idle()
	}
}

// wake is when a device may come online that something waits for.
type wake struct {
	at     time.Time
	device int
}

type wakes []wake

func (w wakes) Len() int           { return len(w) }
func (w wakes) Less(i, j int) bool { return w[i].at.Before(w[j].at) }
func (w wakes) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *wakes) Push(x any)        { *w = append(*w, x.(wake)) }
func (w *wakes) Pop() any {
	old := *w
	last := old[len(old)-1]
	*w = old[:len(old)-1]
	return last
}
