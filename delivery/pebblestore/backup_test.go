package pebblestore_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/pebblestore"
)

// A copy that is made under load has all that was acknowledged before, and is a store.
func TestBackupAndRestore(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	s := open(t, dir, pebblestore.Options{})
	for i := range 100 {
		must(t, s.Add(t.Context(), deliverytest.Notification(i)))
	}
	more := make(chan error, 1)
	go func() {
		var err error
		for i := 100; i < 200 && err == nil; i++ {
			err = s.Add(t.Context(), deliverytest.Notification(i))
		}
		more <- err
	}()
	must(t, s.Backup(to))
	must(t, <-more)
	if err := s.Backup(to); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("into a directory that is there: %v", err)
	}
	restored := open(t, to, pebblestore.Options{})
	if got := len(pending(t, restored)); got < 100 {
		t.Errorf("%d pending in the copy", got)
	}
	must(t, restored.Add(t.Context(), deliverytest.Notification(1000)))
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblestore.Options{})
	for i := range 20 {
		n := deliverytest.Notification(i)
		n.ChallengeLimit = 3
		must(t, s.Add(t.Context(), n))
	}
	for i, state := range []delivery.State{delivery.Delivered, delivery.Expired, delivery.Failed} {
		must(t, s.End(t.Context(), delivery.Record{Notification: deliverytest.Notification(i), State: state, Ended: deliverytest.Start}))
	}
	must(t, s.Revoke(deliverytest.Notification(0).Device, deliverytest.Start))
	if _, err := pebblestore.Check(dir, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while it is in use: %v", err)
	}
	must(t, s.Close())
	report, err := pebblestore.Check(dir, slog.New(slog.DiscardHandler))
	report.LogFile, report.LogEnd = "", 0
	if want := (pebblestore.Report{Version: 1, Pending: 17, Delivered: 1, Expired: 1, Failed: 1, Limited: 20, Revoked: 1}); err != nil || report != want {
		t.Errorf("%+v %v, want %+v", report, err, want)
	}
	if _, err := pebblestore.Check(filepath.Join(dir, "none"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a directory that is not there is checked")
	}
}

// What becomes of a copy is nothing to the store, and the store is watched as before.
func TestBackupLeavesTheStoreWatched(t *testing.T) {
	dir, to := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "copy")
	s := open(t, dir, pebblestore.Options{})
	must(t, s.Add(t.Context(), deliverytest.Notification(0)))
	must(t, s.Backup(to))
	for _, path := range glob(t, to, "*") {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	must(t, os.RemoveAll(to))
	must(t, s.Add(t.Context(), deliverytest.Notification(1)))
	must(t, s.Backup(to))
	must(t, os.RemoveAll(dir))
	if err := s.Add(t.Context(), deliverytest.Notification(2)); err == nil {
		t.Error("a notification is taken by a store that is gone")
	}
}
