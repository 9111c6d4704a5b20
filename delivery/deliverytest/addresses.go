package deliverytest

import (
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// testAddresses tests a store that remembers dead addresses.
func testAddresses(t *testing.T, s delivery.AddressStore, reopen func(t *testing.T, s delivery.Store) delivery.Store) {
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
