package deliverytest

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Start is the time at which the notifications of Notification are created.
var Start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Notification is the i-th of many: each has its own SID, every tenth the same device, and they expire in order.
func Notification(i int) delivery.Notification {
	return delivery.Notification{
		SID:          fmt.Sprintf("NT%032x", i+1),
		AccountSID:   "AC" + strings.Repeat("a", 32),
		EntitySID:    "YE" + strings.Repeat("e", 32),
		ChallengeSID: fmt.Sprintf("YC%032x", i+1),
		Device:       delivery.Device{ServiceSID: "VA" + strings.Repeat("5", 32), Identity: fmt.Sprintf("device-%04d", i%10)},
		Created:      Start.Add(time.Duration(i) * time.Second),
		TTL:          5 * time.Minute,
		Channel:      "stream",
		Address:      "somewhere",
	}
}

// TestStore tests a store. Open opens the store that the test is about, empty at first; when reopen is not nil it closes
// the store that it is given and opens it again as it was.
func TestStore(t *testing.T, open func(t *testing.T) delivery.Store, reopen func(t *testing.T, s delivery.Store) delivery.Store) {
	add := func(t *testing.T, s delivery.Store, n delivery.Notification) {
		t.Helper()
		if err := s.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	end := func(t *testing.T, s delivery.Store, i int, state delivery.State, at time.Time) {
		t.Helper()
		record := delivery.Record{Notification: Notification(i), State: state, Attempts: 2, LastAttempt: at, Ended: at, Reason: "because"}
		if err := s.End(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("what was added is pending, in order of expiry", func(t *testing.T) {
		s := open(t)
		for _, i := range []int{12, 3, 25, 0, 2} {
			add(t, s, Notification(i))
		}
		if got := indexes(t, all(t, s)); !slices.Equal(got, []int{0, 2, 3, 12, 25}) {
			t.Errorf("pending: %v", got)
		}
		from, to := Notification(2).Expires(), Notification(12).Expires()
		if got := indexes(t, s.Pending(t.Context(), from, to)); !slices.Equal(got, []int{2, 3}) {
			t.Errorf("pending from the 2nd to before the 12th: %v", got)
		}
		if got := indexes(t, s.DevicePending(t.Context(), Notification(2).Device, delivery.Position{})); !slices.Equal(got, []int{2, 12}) {
			t.Errorf("pending of a device: %v", got)
		}
		rest := s.DevicePending(t.Context(), Notification(2).Device, delivery.PositionOf(Notification(2)))
		if got := indexes(t, rest); !slices.Equal(got, []int{12}) {
			t.Errorf("pending of a device after the 2nd: %v", got)
		}
		nobody := delivery.Device{ServiceSID: Notification(2).ServiceSID, Identity: "device-000"}
		if got := indexes(t, s.DevicePending(t.Context(), nobody, delivery.Position{})); len(got) != 0 {
			t.Errorf("pending of a device whose name begins another's: %v", got)
		}
		record, err := s.Find(t.Context(), Notification(12).SID)
		if want := (delivery.Record{Notification: Notification(12), State: delivery.Pending}); err != nil || record != want {
			t.Errorf("found %+v, %v; want %+v", record, err, want)
		}
		if _, err := s.Find(t.Context(), Notification(1).SID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("one that was never added: %v", err)
		}
	})
	t.Run("what ended is not pending, and keeps how", func(t *testing.T) {
		s := open(t)
		for i := range 4 {
			add(t, s, Notification(i))
		}
		at := Start.Add(time.Minute)
		end(t, s, 1, delivery.Delivered, at)
		end(t, s, 2, delivery.Failed, at)
		end(t, s, 3, delivery.Expired, at)
		if got := indexes(t, all(t, s)); !slices.Equal(got, []int{0}) {
			t.Errorf("pending: %v", got)
		}
		if got := indexes(t, s.DevicePending(t.Context(), Notification(1).Device, delivery.Position{})); len(got) != 0 {
			t.Errorf("pending of a device: %v", got)
		}
		for i, state := range map[int]delivery.State{1: delivery.Delivered, 2: delivery.Failed, 3: delivery.Expired} {
			want := delivery.Record{Notification: Notification(i), State: state, Attempts: 2, LastAttempt: at, Ended: at, Reason: "because"}
			if record, err := s.Find(t.Context(), want.SID); err != nil || record != want {
				t.Errorf("found %+v, %v; want %+v", record, err, want)
			}
		}
	})
	t.Run("outcomes are forgotten after the retention", func(t *testing.T) {
		s := open(t)
		for i := range 3 {
			add(t, s, Notification(i))
		}
		end(t, s, 0, delivery.Delivered, Start)
		end(t, s, 1, delivery.Delivered, Start.Add(delivery.Retention))
		if _, err := s.Find(t.Context(), Notification(0).SID); err != nil {
			t.Errorf("within the retention: %v", err)
		}
		end(t, s, 2, delivery.Delivered, Start.Add(delivery.Retention+time.Second))
		if _, err := s.Find(t.Context(), Notification(0).SID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("after the retention: %v", err)
		}
		if _, err := s.Find(t.Context(), Notification(1).SID); err != nil {
			t.Errorf("a later one: %v", err)
		}
	})
	t.Run("all that is known of a notification is kept", func(t *testing.T) { testWhole(t, open(t)) })
	t.Run("dead addresses are remembered", func(t *testing.T) { testAddresses(t, open(t), reopen) })
	t.Run("an outcome costs the same after hours", func(t *testing.T) { TestHours(t, open(t)) })
	t.Run("a limit holds against races, and counts what has a TTL of 0", func(t *testing.T) {
		s := open(t)
		once := Notification(0)
		once.TTL, once.ChallengeLimit = 0, 3
		add(t, s, once)
		if _, err := s.Find(t.Context(), once.SID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("a TTL of 0 was stored: %v", err)
		}
		var taken, refused atomic.Int64
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				n := Notification(100 + i)
				// A Challenge belongs to one device.
				n.Device, n.ChallengeSID, n.ChallengeLimit = once.Device, once.ChallengeSID, 3
				switch err := s.Add(t.Context(), n); {
				case err == nil:
					taken.Add(1)
				case errors.Is(err, delivery.ErrLimit):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if taken.Load() != 2 || refused.Load() != 28 {
			t.Errorf("%d taken, %d refused beside one of TTL 0; the limit is 3", taken.Load(), refused.Load())
		}
		other := Notification(200)
		other.AccountSID, other.ChallengeSID, other.ChallengeLimit = "AC"+strings.Repeat("b", 32), once.ChallengeSID, 3
		add(t, s, other)
	})
	t.Run("many at once", func(t *testing.T) {
		s := open(t)
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for i := range 50 {
					if err := s.Add(t.Context(), Notification(worker*50+i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if got := indexes(t, all(t, s)); len(got) != 400 {
			t.Errorf("%d pending", len(got))
		}
		if got := indexes(t, s.DevicePending(t.Context(), Notification(7).Device, delivery.Position{})); len(got) != 40 {
			t.Errorf("%d pending of a device", len(got))
		}
	})
	if _, ok := open(t).(delivery.PartitionedStore); ok {
		testPartitions(t, open)
	}
	t.Run("after Close nothing is taken", func(t *testing.T) {
		s := open(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Add(t.Context(), Notification(0)); err == nil {
			t.Error("it was taken")
		}
		if _, err := s.Find(t.Context(), Notification(0).SID); err == nil || errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("finding: %v", err)
		}
	})
	if reopen == nil {
		return
	}
	t.Run("all of it survives", func(t *testing.T) {
		s := open(t)
		limited := Notification(5)
		limited.ChallengeLimit = 1
		add(t, s, limited)
		for i := range 3 {
			add(t, s, Notification(i))
		}
		end(t, s, 1, delivery.Delivered, Start)
		s = reopen(t, s)
		if got := indexes(t, all(t, s)); !slices.Equal(got, []int{0, 2, 5}) {
			t.Errorf("pending: %v", got)
		}
		if got := indexes(t, s.DevicePending(t.Context(), Notification(2).Device, delivery.Position{})); !slices.Equal(got, []int{2}) {
			t.Errorf("pending of a device: %v", got)
		}
		if record, err := s.Find(t.Context(), Notification(1).SID); err != nil || record.State != delivery.Delivered {
			t.Errorf("the delivered one: %+v %v", record, err)
		}
		limited.SID = Notification(6).SID
		if err := s.Add(t.Context(), limited); !errors.Is(err, delivery.ErrLimit) {
			t.Errorf("the count: %v", err)
		}
	})
}

// testPartitions tests a store that several processes use at once.
func testPartitions(t *testing.T, open func(t *testing.T) delivery.Store) {
	t.Run("a partition has what is pending of its devices", func(t *testing.T) {
		s := open(t).(delivery.PartitionedStore)
		want := map[int][]int{}
		for i := range 20 {
			n := Notification(i)
			if err := s.Add(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			if i%4 == 3 {
				if err := s.End(t.Context(), delivery.Record{Notification: n, State: delivery.Delivered, Ended: Start}); err != nil {
					t.Fatal(err)
				}
				continue
			}
			partition := delivery.PartitionOf(n.Device)
			want[partition] = append(want[partition], i)
		}
		for partition := range delivery.Partitions {
			got := indexes(t, s.PendingIn(t.Context(), partition))
			slices.Sort(got)
			if !slices.Equal(got, want[partition]) {
				t.Errorf("partition %d: %v, want %v", partition, got, want[partition])
			}
		}
	})
	t.Run("of two outcomes one counts", func(t *testing.T) {
		s := open(t).(delivery.PartitionedStore)
		n := Notification(0)
		if err := s.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		var first, second atomic.Int64
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				switch err := s.End(t.Context(), delivery.Record{Notification: n, State: delivery.Delivered, Attempts: i, Ended: Start.Add(time.Duration(i) * time.Second)}); {
				case err == nil:
					first.Add(1)
				case errors.Is(err, delivery.ErrEnded):
					second.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if first.Load() != 1 || second.Load() != 7 {
			t.Errorf("%d ended it, %d were told that it has ended", first.Load(), second.Load())
		}
	})
}

// all is what is pending.
func all(t *testing.T, s delivery.Store) iter.Seq2[delivery.Record, error] {
	return s.Pending(t.Context(), time.Time{}, time.Time{})
}

// indexes gives which notifications a sequence yields.
func indexes(t *testing.T, records iter.Seq2[delivery.Record, error]) []int {
	t.Helper()
	var list []int
	for record, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		var i int
		if _, err := fmt.Sscanf(record.SID, "NT%x", &i); err != nil {
			t.Fatal(err)
		}
		if record.State != delivery.Pending || record.SID != Notification(i-1).SID {
			t.Errorf("yielded %+v", record)
		}
		list = append(list, i-1)
	}
	return list
}
