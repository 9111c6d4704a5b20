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

// An event is posted at most this often, each time within the limit.
const (
	eventAttempts = 5
	eventTimeout  = 10 * time.Second
)

// Events are posted by as many posters at once, each with a queue; those of one notification by the same one, in order.
// What is not posted this long after the end is dropped.
const (
	eventPosters = 64
	eventQueue   = 1024
	eventGrace   = 5 * time.Second
)

// eventHook posts events to a URL, signed like the webhooks of devices. An event that finds its queue full is dropped, which
// is counted and said: events are for watching, and what became of a notification stands in the store.
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
	// said is when dropping was logged last, in nanoseconds since it started: once a second at most.
	started time.Time
	said    atomic.Int64
}

func startEventHook(url string, hooks *webhook.Channel, log *slog.Logger) *eventHook {
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

// postAll posts what comes, and at the end what is there.
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
	now, said := int64(time.Since(h.started)), h.said.Load()
	if now-said > int64(time.Second) && h.said.CompareAndSwap(said, now) {
		h.log.Error(why, slog.Int64("dropped_so_far", dropped))
	}
}

// droppedEvents counts the events that were not posted.
func (h *eventHook) droppedEvents() int { return int(h.dropped.Load()) }

func (h *eventHook) post(e *delivery.Event) {
	if h.ctx.Err() != nil {
		h.drop("the server ends; events were not posted")
		return
	}
	body, err := json.Marshal(ops.NewEvent(*e))
	if err != nil {
		h.log.Error("an event could not be written", slog.Any("error", err))
		return
	}
	if result := h.try(eventID(e), body); !result.Delivered() {
		h.drop("an event was not taken by the events webhook: " + result.Reason())
	}
}

// eventID is the same each time an event is posted, and no other event's.
func eventID(e *delivery.Event) string {
	about := e.Record.SID
	if about == "" {
		hash := sha256.Sum256([]byte(e.Destination))
		about = hex.EncodeToString(hash[:8])
	}
	return fmt.Sprintf("%s-%s-%d", about, e.Type, e.Time.UnixNano())
}

// try posts until the event is taken, will never be, or was tried often enough.
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

// close posts what waits, for a while.
func (h *eventHook) close() {
	close(h.closing)
	defer time.AfterFunc(eventGrace, h.cancel).Stop()
	h.posters.Wait()
	h.cancel()
}
