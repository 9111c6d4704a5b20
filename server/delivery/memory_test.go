package delivery_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/server/delivery"
)

func TestMemory(t *testing.T) {
	var log strings.Builder
	m := delivery.NewMemory(slog.New(slog.NewTextHandler(&log, nil)))
	n := delivery.Notification{SID: "NT1", AccountSID: "AC1", ChallengeSID: "YC1", ChallengeLimit: 2, TTL: time.Minute}
	for i := range 3 {
		if err := m.Add(t.Context(), n); errors.Is(err, delivery.ErrLimit) != (i == 2) {
			t.Errorf("notification %d: %v", i, err)
		}
	}
	n.AccountSID = "AC2"
	if err := m.Add(t.Context(), n); err != nil {
		t.Errorf("another account's challenge of the same SID: %v", err)
	}
	if got := len(m.Notifications()); got != 3 || strings.Count(log.String(), "sid=NT1 ") != 3 {
		t.Errorf("%d notifications kept, log %s", got, log.String())
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Add(t.Context(), n); !errors.Is(err, delivery.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := delivery.NewMemory(slog.New(slog.DiscardHandler))
	for i := range 25_000 {
		if err := m.Add(t.Context(), delivery.Notification{SID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	kept := m.Notifications()
	if len(kept) > 10_000 || kept[len(kept)-1].SID != "24999" {
		t.Errorf("%d kept, the last %s", len(kept), kept[len(kept)-1].SID)
	}
}

func TestExpires(t *testing.T) {
	n := delivery.Notification{Created: time.Unix(100, 0), TTL: 5 * time.Second}
	if n.Expires() != time.Unix(105, 0) {
		t.Errorf("expires %v", n.Expires())
	}
}
