package memstore_test

import (
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/memstore"
)

func TestStore(t *testing.T) {
	deliverytest.TestStore(t, func(*testing.T) delivery.Store { return memstore.New() }, nil)
}
