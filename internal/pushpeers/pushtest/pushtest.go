// Package pushtest lets deliverytest test a channel against a peer of pushpeers.
package pushtest

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/internal/pushpeers"
)

// Replies are a provider's ways to reply as deliverytest asks for; those that are not there are the same for all.
type Replies map[deliverytest.Reply]pushpeers.Way

// FarEnd makes a peer the far end of a channel that deliverytest tests. What was sent, sent reads from a request as it comes in.
func FarEnd(t *testing.T, p *pushpeers.Peer, channel delivery.Channel, address string, replies Replies, sent func(pushpeers.Request) deliverytest.Sent) deliverytest.Provider {
	t.Helper()
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	all := Replies{deliverytest.Accept: pushpeers.Provider, deliverytest.Reset: pushpeers.Reset, deliverytest.Garbage: notHTTP, deliverytest.Hang: pushpeers.Hang(done)}
	for reply, way := range replies {
		all[reply] = way
	}
	var mu sync.Mutex
	var got []deliverytest.Sent
	p.OnRequest(func(r pushpeers.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, sent(r))
	})
	return deliverytest.Provider{
		Channel: channel, Address: address, Received: p.Received(),
		Script: func(list ...deliverytest.Reply) {
			var ways []pushpeers.Way
			for _, reply := range list {
				ways = append(ways, all[reply])
			}
			p.Script(ways...)
		},
		Sent: func() []deliverytest.Sent {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(got)
		},
	}
}

// notHTTP answers with bytes that are no answer of HTTP.
func notHTTP(_ pushpeers.Request, w http.ResponseWriter) bool {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		// A stream of HTTP/2 has no connection of its own.
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err == nil {
		_, _ = conn.Write([]byte("\x00\x01 this is no answer\r\n\r\n"))
		_ = conn.Close()
	}
	return true
}
