package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/webhook"
	"github.com/nudgehq/nudge/server/ops"
)

// An event is tried at most eventAttempts times; each try may take eventTimeout.
const (
	eventAttempts = 5
	eventTimeout  = 10 * time.Second
)

// eventPosters goroutines post, each from its own queue of eventQueue events; the events of one notification share a poster, and
// so keep their order. What is still queued eventGrace after close begins is dropped.
const (
	eventPosters = 64
	eventQueue   = 1024
	eventGrace   = 5 * time.Second
)

// eventHook posts events to a URL, signed like the webhooks of devices. An event that finds its queue full is dropped, which
// is counted and logged: events are for watching; the store keeps what became of each notification.
type eventHook struct {
	url     string
	hooks   *webhook.Channel
	log     *slog.Logger
	seed    maphash.Seed
	queues  [eventPosters]chan *delivery.Event
	posters sync.WaitGroup
	closing chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc

	dropped atomic.Int64
	started time.Time
	// lastLogged is when dropping was logged last, in nanoseconds since started: once a second at most.
	lastLogged atomic.Int64
}

func startEventHook(url string, hooks *webhook.Channel, log *slog.Logger) *eventHook {
	// Started a minute ago: the first drop is logged.
	h := &eventHook{url: url, hooks: hooks, log: log, seed: maphash.MakeSeed(), started: time.Now().Add(-time.Minute), closing: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	for i := range h.queues {
		h.queues[i] = make(chan *delivery.Event, eventQueue)
		h.posters.Go(func() {
			h.postAll(h.queues[i])
		})
	}
	return h
}

// postAll posts events as they arrive and, once the hook closes, those that are still queued.
func (h *eventHook) postAll(queue <-chan *delivery.Event) {
	for {
		select {
		case e := <-queue:
			h.post(e)
		case <-h.closing:
			for len(queue) > 0 {
				h.post(<-queue)
			}
			return
		}
	}
}

// observe takes an event; it never waits.
func (h *eventHook) observe(e delivery.Event) {
	key := e.Record.SID
	if key == "" {
		key = e.Destination
	}
	select {
	case h.queues[maphash.String(h.seed, key)%eventPosters] <- &e:
	default:
		h.drop("the events webhook is too slow; events were dropped")
	}
}

func (h *eventHook) drop(why string) {
	dropped := h.dropped.Add(1)
	now, last := int64(time.Since(h.started)), h.lastLogged.Load()
	if now-last > int64(time.Second) && h.lastLogged.CompareAndSwap(last, now) {
		h.log.Error(why, slog.Int64("dropped_so_far", dropped))
	}
}

// droppedEvents counts the events that were not posted.
func (h *eventHook) droppedEvents() int { return int(h.dropped.Load()) }

func (h *eventHook) post(e *delivery.Event) {
	if h.ctx.Err() != nil {
		h.drop("the server is shutting down; events were dropped")
		return
	}
	body, err := json.Marshal(ops.NewEvent(*e))
	if err != nil {
		h.log.Error("an event could not be encoded as JSON", slog.Any("error", err))
		return
	}
	if result := h.try(eventID(e), body); !result.Delivered() {
		h.drop("an event was not taken by the events webhook: " + result.Reason())
	}
}

// eventID is unique to the event; every try sends the same one.
func eventID(e *delivery.Event) string {
	about := e.Record.SID
	if about == "" {
		hash := sha256.Sum256([]byte(e.Destination))
		about = hex.EncodeToString(hash[:8])
	}
	return fmt.Sprintf("%s-%s-%d", about, e.Type, e.Time.UnixNano())
}

// try posts until the receiver accepts the event, trying again is pointless, or eventAttempts is reached.
func (h *eventHook) try(id string, body []byte) delivery.Result {
	for attempt := 1; ; attempt++ {
		limited, cancel := context.WithTimeout(h.ctx, eventTimeout)
		result := h.hooks.Post(limited, h.url, id, body)
		cancel()
		if !result.Retry() || attempt == eventAttempts {
			return result
		}
		select {
		case <-h.ctx.Done():
			return result
		case <-time.After(delivery.Backoff(attempt, rand.Float64())):
		}
	}
}

// close posts the queued events, for at most eventGrace.
func (h *eventHook) close() {
	close(h.closing)
	defer time.AfterFunc(eventGrace, h.cancel).Stop()
	h.posters.Wait()
	h.cancel()
}
