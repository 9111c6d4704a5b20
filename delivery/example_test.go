package delivery_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/memstore"
)

// printer is a channel that prints; the first attempt of each notification fails.
type printer struct{}

func (printer) Deliver(_ context.Context, a delivery.Attempt) delivery.Result {
	if a.Number == 1 {
		return delivery.Again(0, "the printer is busy")
	}
	fmt.Printf("attempt %d of %s\n", a.Number, a.Identity)
	return delivery.Done()
}

// A queue tries until the channel has delivered, or the TTL has elapsed. With a clock that is moved by hand five minutes take no
// time.
func Example() {
	clock := delivery.NewManualClock(time.Now())
	queue, err := delivery.NewQueue(context.Background(), delivery.Config{
		Store:    memstore.New(),
		Channels: map[string]delivery.Channel{"printer": printer{}},
		Clock:    clock,
		Observe: func(e delivery.Event) {
			if e.Type == delivery.EventDelivered {
				fmt.Println("delivered after", e.Record.Attempts, "attempts")
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	clock.Settle = queue.Idle

	err = queue.Add(context.Background(), delivery.Notification{
		SID:    "NT0123456789abcdef0123456789abcdef",
		Device: delivery.Device{ServiceSID: "VA0123456789abcdef0123456789abcdef", Identity: "ff483d1f"},
		TTL:    5 * time.Minute, Created: clock.Now(), Channel: "printer",
	})
	if err != nil {
		log.Fatal(err) // nothing was taken
	}
	clock.Advance(2 * time.Second)
	queue.Idle()
	// Output:
	// attempt 2 of ff483d1f
	// delivered after 2 attempts
}
