package nats_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/jetstream"
)

// natsServer runs a NATS server in this process.
func natsServer(t testing.TB) string {
	t.Helper()
	return runServer(t, &server.Options{})
}

// runServer runs one with options of its own.
func runServer(t testing.TB, o *server.Options) string {
	t.Helper()
	o.Host, o.Port, o.JetStream, o.StoreDir, o.SyncAlways, o.NoSigs, o.NoLog = "127.0.0.1", -1, true, t.TempDir(), true, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(30e9) {
		t.Fatal("the NATS server does not start")
	}
	return s.ClientURL()
}

// prefixes gives each store of a server its own names.
var prefixes atomic.Int64

func options(servers string) jetstream.Options {
	return jetstream.Options{Servers: servers, Name: "test", Prefix: fmt.Sprintf("n%d", prefixes.Add(1)), Replicas: 1, AcceptWeakDurability: true}
}

func open(t testing.TB, o jetstream.Options) *jetstream.Store {
	t.Helper()
	s, err := jetstream.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	servers := natsServer(t)
	last := map[delivery.Store]jetstream.Options{}
	deliverytest.TestStore(t, func(t *testing.T) delivery.Store {
		o := options(servers)
		s := open(t, o)
		last[s] = o
		return s
	}, func(t *testing.T, s delivery.Store) delivery.Store {
		_ = s.Close()
		return open(t, last[s])
	})
}
