package memstore_test

import (
	"testing"

	"github.com/nudgehq/nudge/server/delivery"
	"github.com/nudgehq/nudge/server/delivery/deliverytest"
	"github.com/nudgehq/nudge/server/delivery/memstore"
)

func TestStore(t *testing.T) {
	deliverytest.TestStore(t, func(*testing.T) delivery.Store { return memstore.New() }, nil)
}
