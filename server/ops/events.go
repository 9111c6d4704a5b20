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
}

func (w *watchers) add() (events <-chan delivery.Event, stop func()) {
	c := make(chan delivery.Event, buffered)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[chan delivery.Event]bool{}
	}
	w.all[c] = true
	return c, func() {
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
		select {
		case c <- e:
		default:
			w.remove(c)
		}
	}
}
