package deliverytest

import (
	"runtime"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// counting is a store that counts the keys that it goes through.
type counting interface{ Work() int64 }

// TestHours adds and ends notifications for three hours of the clock, so that outcomes are forgotten in the last two. The
// work for one, in allocated bytes and, where the store counts them, in keys gone through, must not grow: it is counted,
// not timed.
func TestHours(t *testing.T, s delivery.Store) {
	const step = 4 * time.Second
	i := 0
	work := func(count int) (bytes uint64, keys int64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		counter, counts := s.(counting)
		if counts {
			keys = -counter.Work()
		}
		for range count {
			n := Notification(i)
			n.Created = Start.Add(time.Duration(i) * step)
			if err := s.Add(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			record := delivery.Record{Notification: n, State: delivery.Expired, Ended: n.Created.Add(time.Second)}
			if i%10 == 0 {
				record.State = delivery.Delivered
			}
			if err := s.End(t.Context(), record); err != nil {
				t.Fatal(err)
			}
			i++
		}
		if counts {
			keys += counter.Work()
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, keys
	}
	const anHour, few = int(time.Hour / step), 200
	work(anHour - few)
	bytes, _ := work(few)
	// One End is behind when the second hour starts.
	work(few)
	_, keys := work(few)
	work(2*anHour - 3*few)
	lastBytes, lastKeys := work(few)
	if lastBytes > 3*bytes+1<<20 {
		t.Errorf("%d outcomes allocate %d kB in the first hour and %d kB after three", few, bytes>>10, lastBytes>>10)
	}
	if lastKeys > 2*keys+int64(few) {
		t.Errorf("%d outcomes go through %d keys after one hour and through %d after three", few, keys, lastKeys)
	}
}
