package nats_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/jetstream"
)

// timing is DefaultTiming, faster.
var timing = jetstream.Timing{Beat: 200 * time.Millisecond, Lease: 600 * time.Millisecond, Silence: 700 * time.Millisecond, Settled: 800 * time.Millisecond}

// world is who owns what, as the nodes are told.
type world struct {
	mu      sync.Mutex
	changed chan struct{}
	owned   map[string]map[int]bool
	until   map[string]time.Time
	// history is what happened to each partition.
	history [delivery.Partitions][]string
	// problems are partitions that two owned at once, both with a lease.
	problems []string
	moves    int
}

func newWorld() *world {
	return &world{changed: make(chan struct{}), owned: map[string]map[int]bool{}, until: map[string]time.Time{}}
}

// wait waits until something holds.
func (w *world) wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	never := time.After(time.Minute)
	for {
		w.mu.Lock()
		if holds() {
			w.mu.Unlock()
			return
		}
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
		case <-never:
			t.Fatalf("it never was so that %s: %v", what, w.shares())
		}
	}
}

func (w *world) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) shares() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	shares := map[string]int{}
	for node, owned := range w.owned {
		shares[node] = len(owned)
	}
	return shares
}

// one is a node as a Membership sees it.
type one struct {
	*world
	name string
}

func (o one) Take(_ context.Context, partition int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, owned := range o.owned {
		if name != o.name && owned[partition] && time.Now().Before(o.until[name]) {
			o.problems = append(o.problems, fmt.Sprintf("%s %s takes %d, which %s has until %s: %v", time.Now().Format("05.000"), o.name, partition, name, o.until[name].Format("05.000"), o.history[partition]))
		}
	}
	o.owned[o.name][partition] = true
	o.history[partition] = append(o.history[partition], time.Now().Format("05.000 ")+"take "+o.name)
	o.moves++
	o.tell()
	return nil
}

func (o one) Release(partition int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.owned[o.name], partition)
	o.history[partition] = append(o.history[partition], time.Now().Format("05.000 ")+"release "+o.name)
	o.tell()
}

func (o one) Extend(until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.until[o.name] = until
	o.tell()
}

// joined is a node that takes part.
type joined struct {
	*jetstream.Membership
	// leave ends it politely, kill cuts it off.
	leave, kill func()
}

// join has a node take part.
func (w *world) join(t *testing.T, o jetstream.Options, name string) joined {
	t.Helper()
	return w.joinWith(t, o, name, func() map[string]string { return map[string]string{"keys": "same"} })
}

// joinWith is join of a node with checksums.
func (w *world) joinWith(t *testing.T, o jetstream.Options, name string, sums func() map[string]string) joined {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil)).With("node", name)
	store := open(t, o)
	w.mu.Lock()
	w.owned[name] = map[int]bool{}
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	members := store.Members(name, timing)
	members.Compare(sums)
	go func() { ended <- members.Run(ctx, one{w, name}) }()
	var once sync.Once
	end := func() { once.Do(func() { cancel(); <-ended }) }
	t.Cleanup(func() {
		_ = store.Close()
		end()
	})
	return joined{members, end, func() { _ = store.Close() }}
}

func (w *world) has(name string, least, most int) func() bool {
	return func() bool { n := len(w.owned[name]); return least <= n && n <= most }
}

// Nodes join, leave and die: each has its share, and no two act for one partition.
func TestMembers(t *testing.T) {
	o := options(natsServer(t))
	w := newWorld()
	third := delivery.Partitions / 3
	a := w.join(t, o, "a")
	w.wait(t, "the first has all", w.has("a", delivery.Partitions, delivery.Partitions))
	b := w.join(t, o, "b")
	w.wait(t, "the second has half", w.has("b", delivery.Partitions/2, delivery.Partitions/2))
	w.join(t, o, "c")
	w.wait(t, "the third has a third", w.has("c", third, third+1))
	w.wait(t, "the others have as much", func() bool { return w.has("a", third, third+1)() && w.has("b", third, third+1)() })
	w.mu.Lock()
	moves := w.moves
	w.mu.Unlock()
	if most := delivery.Partitions + delivery.Partitions/2 + third + 1; moves > most {
		t.Errorf("%d partitions were taken, %d at most had to be", moves, most)
	}
	b.kill()
	w.wait(t, "what the dead one had is taken over", func() bool {
		return len(w.owned["a"])+len(w.owned["c"]) == delivery.Partitions && w.has("a", third, delivery.Partitions/2)()
	})
	if counts := a.Counts(); counts.TakenOver == 0 || counts.Taken < counts.TakenOver || counts.LeasesLost > 0 {
		t.Errorf("after another one died: %+v", counts)
	}
	a.leave()
	if n := w.shares()["a"]; n != 0 {
		t.Errorf("who left still has %d", n)
	}
	w.wait(t, "the last has all", w.has("c", delivery.Partitions, delivery.Partitions))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, problem := range w.problems {
		t.Error(problem)
	}
}

// Who has lost a claim lets go of the partition, whatever it still believes.
func TestLostClaim(t *testing.T) {
	o := options(natsServer(t))
	w := newWorld()
	w.join(t, o, "a")
	b := w.join(t, o, "b")
	half := delivery.Partitions / 2
	w.wait(t, "each has half", func() bool { return w.has("a", half, half)() && w.has("b", half, half)() })
	w.mu.Lock()
	var taken int
	for taken = range w.owned["a"] {
		break
	}
	before := len(w.history[taken])
	w.mu.Unlock()
	// As if an answer that was thought lost came late.
	subject := fmt.Sprintf("%s.members.p.%d", o.Prefix, taken)
	if _, err := open(t, o).Conn().Request(subject, []byte(b.View().Node), time.Minute); err != nil {
		t.Fatal(err)
	}
	w.wait(t, "the first lets go of it", func() bool {
		return slices.ContainsFunc(w.history[taken][before:], func(what string) bool { return strings.HasSuffix(what, "release a") })
	})
	w.wait(t, "each has half again", func() bool { return w.has("a", half, half)() && w.has("b", half, half)() })
}

// Nodes tell which settings they do not have in common, until they have.
func TestDifferingSettings(t *testing.T) {
	o := options(natsServer(t))
	w := newWorld()
	var mended atomic.Bool
	a := w.join(t, o, "a")
	b := w.joinWith(t, o, "b", func() map[string]string {
		if mended.Load() {
			return map[string]string{"keys": "same"}
		}
		return map[string]string{"keys": "other", "accounts": "more"}
	})
	for _, node := range []joined{a, b} {
		w.wait(t, "they differ", func() bool { return slices.Equal(node.Differing(), []string{"accounts", "keys"}) })
	}
	mended.Store(true)
	for _, node := range []joined{a, b} {
		w.wait(t, "they are the same", func() bool { return len(node.Differing()) == 0 })
	}
}

// What is pending is moved while no node runs; one that starts meanwhile waits for the end.
func TestNobodyOwnsDuringAMove(t *testing.T) {
	o := options(natsServer(t))
	w := newWorld()
	store := open(t, o)
	a, b := w.join(t, o, "a"), w.join(t, o, "b")
	w.wait(t, "both have a share", func() bool { return w.has("a", 1, delivery.Partitions)() && w.has("b", 1, delivery.Partitions)() })
	if _, _, err := store.BeginMove(t.Context(), timing); err == nil || !strings.Contains(err.Error(), "a-") || !strings.Contains(err.Error(), "b-") {
		t.Errorf("two run: %v", err)
	}
	a.leave()
	b.kill()
	moving, end, err := store.BeginMove(t.Context(), timing)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.BeginMove(t.Context(), timing); err == nil || moving.Err() != nil {
		t.Errorf("two move at once: %v, %v", err, moving.Err())
	}
	c := w.join(t, o, "c")
	for n := 0; !c.View().Moving || !c.Moving(); n++ {
		// Nobody is told anything of it.
		if n == 6000 {
			t.Fatal("the node that starts does not see it")
		}
		<-time.After(10 * time.Millisecond)
	}
	<-time.After(timing.Settled + timing.Silence)
	if n := w.shares()["c"]; n != 0 {
		t.Errorf("it owns %d", n)
	}
	end()
	w.wait(t, "it has all when the move has ended", w.has("c", delivery.Partitions, delivery.Partitions))
}

// A node that was silent for long, and is no node any more when it goes on, lets go of what it owned.
func TestSilentNodeDuringAMove(t *testing.T) {
	o := options(natsServer(t))
	w := newWorld()
	store := open(t, o)
	usual := timing
	timing.Beat, timing.Lease = 3*time.Second, 20*time.Second
	a := w.join(t, o, "a")
	timing = usual
	w.wait(t, "it has all", w.has("a", delivery.Partitions, delivery.Partitions))
	_, end, err := store.BeginMove(t.Context(), timing)
	if err != nil {
		t.Fatal(err)
	}
	w.wait(t, "it lets go of all", w.has("a", 0, 0))
	if !a.View().Moving {
		t.Error("it does not see the move")
	}
	end()
	w.wait(t, "it has all again", w.has("a", delivery.Partitions, delivery.Partitions))
}

// A move that the servers hear nothing of for too long says so.
func TestMoveIsLost(t *testing.T) {
	o := options(natsServer(t))
	store, other := open(t, o), open(t, o)
	moving, end, err := store.BeginMove(t.Context(), timing)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	// As somebody does who has not heard of it for long: again, where it was heard just then.
	hasty := jetstream.Timing{Beat: time.Millisecond, Silence: time.Millisecond, Lease: timing.Lease}
	for until := time.Now().Add(time.Minute); moving.Err() == nil; {
		if _, endOther, err := other.BeginMove(t.Context(), hasty); err == nil {
			endOther()
		}
		if time.Now().After(until) {
			t.Fatal("it goes on")
		}
		<-time.After(50 * time.Millisecond)
	}
}
