package deliverytest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Receiver is the far end of a channel, as a test sees it.
type Receiver struct {
	Channel delivery.Channel
	// Notification makes the i-th notification for a device that is there, or for one that is not.
	Notification func(i int, there bool) delivery.Notification
	// Received gives the SIDs that arrived so far, each as often as it did, once nothing more is on its way.
	Received func() []string
}

// TestChannel tests a channel. Open makes one with its far end.
func TestChannel(t *testing.T, open func(t *testing.T) Receiver) {
	attempt := func(n delivery.Notification) delivery.Attempt {
		return delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL}
	}
	t.Run("a device that is there gets it", func(t *testing.T) {
		r := open(t)
		n := r.Notification(1, true)
		if result := r.Channel.Deliver(t.Context(), attempt(n)).String(); result != "delivered" && result != "sent" {
			t.Errorf("the result is %s", result)
		}
		if got := r.Received(); !slices.Equal(got, []string{n.SID}) {
			t.Errorf("received %v", got)
		}
	})
	t.Run("a device that is not there is no delivery", func(t *testing.T) {
		r := open(t)
		result := r.Channel.Deliver(t.Context(), attempt(r.Notification(1, false)))
		if text := result.String(); text != "again" && text != "waiting" || result.Reason() == "" {
			t.Errorf("the result is %s, because %q", text, result.Reason())
		}
		if got := r.Received(); len(got) != 0 {
			t.Errorf("received %v", got)
		}
	})
	t.Run("a repetition has the same SID", func(t *testing.T) {
		r := open(t)
		n := r.Notification(1, true)
		for number := range 2 {
			a := attempt(n)
			a.Number = number + 1
			r.Channel.Deliver(t.Context(), a)
		}
		// A channel that knows that the device has it need not send it twice.
		if got := r.Received(); !slices.Equal(slices.Compact(got), []string{n.SID}) {
			t.Errorf("received %v", got)
		}
	})
	t.Run("it returns when the context is done", func(t *testing.T) {
		r := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		returned := make(chan bool)
		go func() {
			r.Channel.Deliver(ctx, attempt(r.Notification(1, false)))
			close(returned)
		}()
		select {
		case <-returned:
		case <-time.After(10 * time.Second):
			t.Error("it did not return")
		}
	})
	t.Run("many at once", func(t *testing.T) {
		r := open(t)
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() { r.Channel.Deliver(t.Context(), attempt(r.Notification(i, true))) })
		}
		group.Wait()
		got := r.Received()
		slices.Sort(got)
		if got = slices.Compact(got); len(got) != 40 {
			t.Errorf("%s of 40 arrived", fmt.Sprint(len(got)))
		}
	})
}
