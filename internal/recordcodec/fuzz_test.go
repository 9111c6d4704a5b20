package recordcodec

import (
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
)

// FuzzRecord reads arbitrary bytes as a record: what can be read is written as it was, and nothing fails.
func FuzzRecord(f *testing.F) {
	whole := Encode(delivery.Record{Notification: deliverytest.Notification(1), State: delivery.Failed, Attempts: 3, LastAttempt: deliverytest.Start, Ended: deliverytest.Start, Reason: "because"})
	for i := range len(whole) {
		f.Add(whole[:i])
	}
	f.Add(whole)
	f.Add([]byte{2, 0})
	f.Add([]byte{1, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Decode(Encode(record))
		if err != nil || again != record {
			t.Errorf("%+v became %+v, %v", record, again, err)
		}
	})
}
