package ops

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/sse"
)

// serveEvents streams events as server-sent events.
func (o *Ops) serveEvents(w http.ResponseWriter, r *http.Request) {
	events, stop := o.Subscribe()
	defer stop()
	out, err := sse.Start(w)
	if err != nil {
		return
	}
	beat := time.NewTicker(sse.Heartbeat)
	defer beat.Stop()
	for {
		text := sse.Alive
		select {
		case <-r.Context().Done():
			return
		case <-o.done:
			return
		case <-beat.C:
		case e, open := <-events:
			if !open {
				return
			}
			data, err := json.Marshal(NewEvent(e))
			if err != nil {
				return
			}
			text = fmt.Sprintf("event: %s\ndata: %s\n\n", e.Type, data)
		}
		if out.Write(text) != nil {
			return
		}
	}
}

// buffered is how many events wait for a watcher that does not read.
const buffered = 4096

// watchers are those who watch events.
type watchers struct {
	mu  sync.Mutex
	all map[chan delivery.Event]bool
	// others, if any, gives the events of other nodes.
	others func(each func(delivery.Event)) (stop func(), err error)
}

// RelayEvents has those who watch events told those of other nodes too: watch gives these to each until stop is called.
func (o *Ops) RelayEvents(watch func(each func(delivery.Event)) (stop func(), err error)) {
	o.watchers.others = watch
}

func (w *watchers) add() (events <-chan delivery.Event, stop func()) {
	c := make(chan delivery.Event, buffered)
	away := func() {}
	if w.others != nil {
		// Whose events cannot be had are left out: this node's are better than none.
		if leave, err := w.others(func(e delivery.Event) { w.give(c, e) }); err == nil {
			away = leave
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[chan delivery.Event]bool{}
	}
	w.all[c] = true
	return c, func() {
		away()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.remove(c)
	}
}

// remove closes a watcher's channel, once. The watchers are locked.
func (w *watchers) remove(c chan delivery.Event) {
	if w.all[c] {
		delete(w.all, c)
		close(c)
	}
}

func (w *watchers) send(e delivery.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		w.put(c, e)
	}
}

// give tells one watcher.
func (w *watchers) give(c chan delivery.Event, e delivery.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all[c] {
		w.put(c, e)
	}
}

// put tells a watcher, or ends what it watches when it does not read. The watchers are locked.
func (w *watchers) put(c chan delivery.Event, e delivery.Event) {
	select {
	case c <- e:
	default:
		w.remove(c)
	}
}
