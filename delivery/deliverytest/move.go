package deliverytest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// cutOff is a store that fails to end what was moved from it.
type cutOff struct{ delivery.PortableStore }

var errCutOff = errors.New("cut off")

func (cutOff) End(context.Context, ...delivery.Record) error { return errCutOff }

// TestMove tests moving between two stores, which open gives, empty at first.
func TestMove(t *testing.T, open func(t *testing.T) (from, to delivery.PortableStore)) {
	now := time.Now().UTC().Truncate(time.Second)
	// notification is the i-th; those of one challenge share a limit, 0 for none.
	notification := func(i, challenge, limit int) delivery.Notification {
		n := Notification(i)
		of := Notification(challenge)
		n.ChallengeSID, n.Device, n.ChallengeLimit, n.Created = of.ChallengeSID, of.Device, limit, now
		return n
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fill := func(t *testing.T, s delivery.PortableStore) {
		t.Helper()
		// Two of three, one of them ended; three of three, one of them without a TTL; one without a limit.
		for i, n := range []delivery.Notification{notification(0, 0, 3), notification(1, 0, 3), notification(2, 2, 3), notification(3, 2, 3), notification(4, 4, 0)} {
			must(t, s.Add(t.Context(), n))
			if i == 1 {
				must(t, s.End(t.Context(), delivery.Record{Notification: n, State: delivery.Delivered, Attempts: 1, LastAttempt: now, Ended: now}))
			}
		}
		once := notification(5, 2, 3)
		once.TTL = 0
		must(t, s.Add(t.Context(), once))
		must(t, s.RestoreRevocation(t.Context(), delivery.Revocation{Device: Notification(7).Hash(), At: now}))
		must(t, s.Bury(t.Context(), delivery.AddressHash{7}, now))
	}
	// check wants everything there as it was, once.
	check := func(t *testing.T, s delivery.PortableStore) {
		t.Helper()
		pending := map[string]bool{}
		for record, err := range s.Pending(t.Context(), time.Time{}, time.Time{}) {
			must(t, err)
			if pending[record.SID] {
				t.Errorf("%s is pending twice", record.SID)
			}
			pending[record.SID] = true
		}
		for _, n := range []delivery.Notification{notification(0, 0, 3), notification(2, 2, 3), notification(3, 2, 3), notification(4, 4, 0)} {
			if record, err := s.Find(t.Context(), n.SID); err != nil || record != (delivery.Record{Notification: n, State: delivery.Pending}) || !pending[n.SID] {
				t.Errorf("%s: %+v, %v", n.SID, record, err)
			}
		}
		if record, err := s.Find(t.Context(), Notification(1).SID); err != nil || record.State != delivery.Delivered || len(pending) != 4 {
			t.Errorf("%+v, %v, %d pending", record, err, len(pending))
		}
		revoked, err := s.Revocations(t.Context())
		if err != nil || len(revoked) != 1 || revoked[0].Device != Notification(7).Hash() || !revoked[0].At.Equal(now) {
			t.Errorf("revoked: %v, %v", revoked, err)
		}
		dead, err := s.Addresses(t.Context())
		if err != nil || len(dead) != 1 || dead[0].Hash != (delivery.AddressHash{7}) || !dead[0].Since.Equal(now) {
			t.Errorf("dead: %v, %v", dead, err)
		}
	}
	nothing := func(t *testing.T, s delivery.PortableStore) {
		t.Helper()
		for record, err := range s.Pending(t.Context(), time.Time{}, time.Time{}) {
			t.Errorf("still pending: %s, %v", record.SID, err)
		}
		if record, err := s.Find(t.Context(), Notification(0).SID); err != nil || !record.IsMoved() {
			t.Errorf("what was moved is %+v, %v", record, err)
		}
	}
	move := func(t *testing.T, from, to delivery.PortableStore, want delivery.MoveReport) {
		t.Helper()
		if report, err := delivery.Move(t.Context(), from, to); err != nil || report != want {
			t.Errorf("%+v, %v; want %+v", report, err, want)
		}
	}
	t.Run("what is pending moves there and back, with its limits", func(t *testing.T) {
		from, to := open(t)
		fill(t, from)
		move(t, from, to, delivery.MoveReport{Pending: 4, Ended: 1, Revoked: 1, Dead: 1})
		check(t, to)
		nothing(t, from)
		move(t, from, to, delivery.MoveReport{There: 1, Revoked: 1, Dead: 1})
		move(t, to, from, delivery.MoveReport{Pending: 4, There: 1, Revoked: 1, Dead: 1})
		check(t, from)
		nothing(t, to)
		move(t, from, to, delivery.MoveReport{Pending: 4, There: 1, Revoked: 1, Dead: 1})
		check(t, to)
		nothing(t, from)
		move(t, to, from, delivery.MoveReport{Pending: 4, There: 1, Revoked: 1, Dead: 1})
		check(t, from)
		nothing(t, to)
		move(t, from, to, delivery.MoveReport{Pending: 4, There: 1, Revoked: 1, Dead: 1})
		must(t, to.Add(t.Context(), notification(10, 0, 3)))
		for _, full := range []int{0, 2} {
			if err := to.Add(t.Context(), notification(11+full, full, 3)); !errors.Is(err, delivery.ErrLimit) {
				t.Errorf("one more of the challenge %d: %v", full, err)
			}
		}
	})
	t.Run("a move that is cut off is repeated", func(t *testing.T) {
		from, to := open(t)
		fill(t, from)
		if _, err := delivery.Move(t.Context(), cutOff{from}, to); !errors.Is(err, errCutOff) {
			t.Error(err)
		}
		move(t, from, to, delivery.MoveReport{There: 5, Revoked: 1, Dead: 1})
		check(t, to)
		nothing(t, from)
	})
	t.Run("what ended where it was, after a move that was cut off, ends where it is", func(t *testing.T) {
		from, to := open(t)
		fill(t, from)
		if _, err := delivery.Move(t.Context(), cutOff{from}, to); !errors.Is(err, errCutOff) {
			t.Error(err)
		}
		must(t, from.End(t.Context(), delivery.Record{Notification: notification(0, 0, 3), State: delivery.Delivered, Attempts: 1, LastAttempt: now, Ended: now}))
		move(t, from, to, delivery.MoveReport{Ended: 1, There: 4, Revoked: 1, Dead: 1})
		if record, err := to.Find(t.Context(), Notification(0).SID); err != nil || record.State != delivery.Delivered {
			t.Errorf("what was delivered is %+v, %v", record, err)
		}
	})
	t.Run("what nobody keeps any more is not moved", func(t *testing.T) {
		from, to := open(t)
		old := notification(0, 0, 3)
		old.Created = now.Add(-2 * time.Hour)
		must(t, from.Add(t.Context(), old))
		move(t, from, to, delivery.MoveReport{Expired: 1})
		if record, err := from.Find(t.Context(), old.SID); err != nil || record.State != delivery.Expired {
			t.Errorf("it is %+v, %v", record, err)
		}
		if _, err := to.Find(t.Context(), old.SID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("it is found where it was not moved: %v", err)
		}
	})
	t.Run("what is counted stays so as long as it would", func(t *testing.T) {
		from, to := open(t)
		ended := notification(0, 0, 3)
		must(t, from.Add(t.Context(), ended))
		must(t, from.End(t.Context(), delivery.Record{Notification: ended, State: delivery.Delivered, Ended: now.Add(30*time.Second - delivery.Retention)}))
		for i := 1; i < 3; i++ {
			once := notification(i, 0, 3)
			once.TTL = 0
			must(t, from.Add(t.Context(), once))
		}
		move(t, from, to, delivery.MoveReport{Ended: 1})
		if err := to.Add(t.Context(), notification(9, 0, 3)); !errors.Is(err, delivery.ErrLimit) {
			t.Errorf("one more at once: %v", err)
		}
	})
}
