package pebblestore_test

import (
	"path/filepath"
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/pebblestore"
)

func TestMove(t *testing.T) {
	deliverytest.TestMove(t, func(t *testing.T) (from, to delivery.PortableStore) {
		open := func(name string) delivery.PortableStore {
			s, err := pebblestore.Open(filepath.Join(t.TempDir(), name), pebblestore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
		return open("from"), open("to")
	})
}
