package nats_test

import (
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/pebblestore"
)

func TestMove(t *testing.T) {
	servers := natsServer(t)
	embedded := func(t *testing.T) delivery.PortableStore {
		s, err := pebblestore.Open(t.TempDir(), pebblestore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	t.Run("from a directory", func(t *testing.T) {
		deliverytest.TestMove(t, func(t *testing.T) (from, to delivery.PortableStore) { return embedded(t), open(t, options(servers)) })
	})
	t.Run("to a directory", func(t *testing.T) {
		deliverytest.TestMove(t, func(t *testing.T) (from, to delivery.PortableStore) { return open(t, options(servers)), embedded(t) })
	})
}
