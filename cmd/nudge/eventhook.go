package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nudgehq/nudge/server/delivery"
	"github.com/nudgehq/nudge/server/delivery/webhook"
	"github.com/nudgehq/nudge/server/ops"
)

// An event is posted at most this often, each time within the limit.
const (
	eventAttempts = 5
	eventTimeout  = 10 * time.Second
)

// eventHook posts every event to a URL, signed like the webhooks of devices, one after the other.
type eventHook struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

func startEventHook(url string, hooks *webhook.Channel, operators *ops.Ops, log *slog.Logger) *eventHook {
	ctx, cancel := context.WithCancel(context.Background())
	h := &eventHook{cancel: cancel, ended: make(chan struct{})}
	events, stop := operators.Watch()
	go func() {
		defer close(h.ended)
		for ctx.Err() == nil {
			h.post(ctx, url, hooks, events, log)
			stop()
			if ctx.Err() == nil {
				log.Error("the events webhook is too slow; events were dropped")
				events, stop = operators.Watch()
			}
		}
	}()
	return h
}

// post posts events until ctx is done or the events are cut off.
func (h *eventHook) post(ctx context.Context, url string, hooks *webhook.Channel, events <-chan delivery.Event, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-events:
			if !open {
				return
			}
			body, err := json.Marshal(ops.NewEvent(e))
			if err != nil {
				log.Error("an event could not be written", slog.Any("error", err))
				continue
			}
			id := fmt.Sprintf("%s-%s-%d", e.Record.SID, e.Type, e.Time.UnixNano())
			if result := postEvent(ctx, url, id, body, hooks); result.String() != "delivered" && ctx.Err() == nil {
				log.Error("an event was not taken by the events webhook", slog.String("id", id), slog.String("reason", result.Reason()))
			}
		}
	}
}

// postEvent tries until the event is taken, will never be, or was tried often enough.
func postEvent(ctx context.Context, url, id string, body []byte, hooks *webhook.Channel) delivery.Result {
	for attempt := 1; ; attempt++ {
		limited, cancel := context.WithTimeout(ctx, eventTimeout)
		result := hooks.Post(limited, url, id, body)
		cancel()
		if result.String() != "again" || attempt == eventAttempts {
			return result
		}
		select {
		case <-ctx.Done():
			return result
		case <-time.After(delivery.Backoff(attempt, rand.Float64())):
		}
	}
}

// Close ends the posting; what was not posted yet is dropped.
func (h *eventHook) Close() {
	h.cancel()
	<-h.ended
}
