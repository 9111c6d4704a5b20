package deliverytest

import (
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// testWhole tests that a store keeps all that is known of a notification.
func testWhole(t *testing.T, s delivery.Store) {
	n := Notification(1)
	n.FactorSID, n.Details, n.Address = "YF"+strings.Repeat("f", 32), `{"place":"Oslo"}`, strings.Repeat("a", 4096)
	if err := s.Add(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if record, err := s.Find(t.Context(), n.SID); err != nil || record != (delivery.Record{Notification: n, State: delivery.Pending}) {
		t.Errorf("found %+v, %v", record, err)
	}
}

// testAddresses tests a store that remembers dead addresses.
func testAddresses(t *testing.T, opened delivery.Store, reopen func(t *testing.T, s delivery.Store) delivery.Store) {
	s, ok := opened.(delivery.AddressStore)
	if !ok {
		t.Skip("the store remembers no addresses")
	}
	one, two := delivery.AddressHash{1}, delivery.AddressHash{2}
	check := func(a delivery.AddressHash, want time.Time) {
		t.Helper()
		if since, dead := s.Buried(a); dead != !want.IsZero() || dead && !since.Equal(want) {
			t.Errorf("%x: dead %v since %s, want %s", a[:1], dead, since, want)
		}
	}
	check(one, time.Time{})
	for _, at := range []time.Time{Start, Start.Add(time.Second)} {
		if err := s.Bury(t.Context(), one, at); err != nil {
			t.Fatal(err)
		}
		check(one, at)
	}
	check(two, time.Time{})
	if err := s.Bury(t.Context(), two, Start); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Unbury(t.Context(), two); err != nil {
			t.Fatal(err)
		}
		check(two, time.Time{})
	}
	if reopen == nil {
		return
	}
	again, ok := reopen(t, s).(delivery.AddressStore)
	if !ok {
		t.Fatal("opened again it remembers no addresses")
	}
	s = again
	check(one, Start.Add(time.Second))
	check(two, time.Time{})
}
