package delivery_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// hosts is a channel whose addresses decide what happens: those of dead.example hang until the attempt's context ends.
type hosts struct {
	mu      sync.Mutex
	hanging map[string]int
	most    map[string]int
	down    map[string]bool
	tries   map[string]int
	// hold, if any, is received from in each attempt at a host that is not dead.
	hold chan bool
}

func newHosts() *hosts {
	return &hosts{hanging: map[string]int{}, most: map[string]int{}, down: map[string]bool{}, tries: map[string]int{}}
}

func (h *hosts) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	h.mu.Lock()
	name := delivery.DestinationOf(a.Address)
	h.tries[name]++
	down := h.down[name]
	if !strings.Contains(name, "dead") {
		h.mu.Unlock()
		if h.hold != nil {
			<-h.hold
		}
		if down {
			return delivery.Again(0, "down")
		}
		return delivery.Done()
	}
	h.hanging[name]++
	h.most[name] = max(h.most[name], h.hanging[name])
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hanging[name]--
	return delivery.Again(0, "no answer in time")
}

func (h *hosts) set(name string, down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down[name] = down
}

func (h *hosts) tried(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tries[name]
}

// triedDead counts the attempts at hosts that hang.
func (h *hosts) triedDead() (tried int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, count := range h.tries {
		if strings.Contains(name, "dead") {
			tried += count
		}
	}
	return tried
}

// newQueue is a queue over a store in memory unless the config has another, closed when the test ends.
func newQueue(t *testing.T, config delivery.Config) *delivery.Queue {
	t.Helper()
	if config.Store == nil {
		config.Store = memstore.New()
	}
	queue, err := delivery.NewQueue(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.Close() })
	return queue
}

// onDelivered observes deliveries.
func onDelivered(f func(sid string)) func(delivery.Event) {
	return func(e delivery.Event) {
		if e.Type == delivery.EventDelivered {
			f(e.Record.SID)
		}
	}
}
