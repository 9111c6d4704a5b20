package pebblestore_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/pebblestore"
)

func TestMissingLogIsNoticed(t *testing.T) {
	dir := filled(t, 10)
	for _, path := range glob(t, dir, "*.log") {
		must(t, os.Remove(path))
	}
	logger, lines := log()
	s := open(t, dir, pebblestore.Options{Logger: logger})
	if s.Damaged() != 1 || !strings.Contains(lines.String(), "a log file of the store is missing") {
		t.Errorf("%d damaged, %s", s.Damaged(), lines)
	}
	must(t, s.Close())
	// It is said once.
	if s := open(t, dir, pebblestore.Options{}); s.Damaged() != 0 {
		t.Errorf("%d damaged at the next start", s.Damaged())
	}
}

func TestWhereTheLogEnded(t *testing.T) {
	dir := filled(t, 10)
	s := open(t, dir, pebblestore.Options{})
	file, offset := s.LogEnd()
	if !strings.HasSuffix(file, ".log") || offset < 1000 {
		t.Errorf("%s at %d", file, offset)
	}
}

// change writes to a closed store as no nudge does.
func change(t *testing.T, dir string, f func(db *pebble.DB)) {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{}})
	must(t, err)
	// The list of logs would not be kept.
	_ = os.Remove(filepath.Join(dir, "LOGS"))
	f(db)
	must(t, db.Close())
}

type quiet struct{}

// pendingKeys are the keys of what is pending.
func pendingKeys(t *testing.T, db *pebble.DB) (keys [][]byte) {
	t.Helper()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte("p"), UpperBound: []byte("q")})
	must(t, err)
	for it.First(); it.Valid(); it.Next() {
		keys = append(keys, bytes.Clone(it.Key()))
	}
	must(t, it.Close())
	return keys
}

func TestDamagedRecordIsPutAside(t *testing.T) {
	dir := filled(t, 10)
	change(t, dir, func(db *pebble.DB) {
		keys := pendingKeys(t, db)
		must(t, db.Set(keys[2], []byte{1, 9}, pebble.Sync))
		must(t, db.Set(keys[5], []byte{2, 0, 1, 2, 3}, pebble.Sync))
	})
	logger, lines := log()
	s := open(t, dir, pebblestore.Options{Logger: logger})
	if got := pending(t, s); len(got) != 8 || s.Damaged() != 2 {
		t.Errorf("%d pending, %d damaged", len(got), s.Damaged())
	}
	for _, want := range []string{"a damaged record is put aside", "a record was written by a later version of nudge"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("nothing said %q: %s", want, lines)
		}
	}
	must(t, s.Close())
	report, err := pebblestore.Check(dir, slog.New(slog.DiscardHandler))
	if err != nil || report.Pending != 8 || report.PutAside != 1 || report.Later != 1 {
		t.Errorf("%+v %v", report, err)
	}
}

func pending(t *testing.T, s *pebblestore.Store) (list []delivery.Record) {
	t.Helper()
	for record, err := range s.Pending(t.Context(), time.Time{}, time.Time{}) {
		must(t, err)
		list = append(list, record)
	}
	return list
}

func TestDamagedBlockIsPassedOver(t *testing.T) {
	const count = 3000
	dir := filled(t, count)
	change(t, dir, func(db *pebble.DB) { must(t, db.Flush()) })
	damaged := false
	for _, path := range glob(t, dir, "*.sst") {
		data, err := os.ReadFile(path)
		must(t, err)
		// In the middle of the records: all other keys are short.
		if i := bytes.Index(data[len(data)/2:], []byte("somewhere")); i > 0 {
			data[len(data)/2+i] ^= 0xff
			must(t, os.WriteFile(path, data, 0o600))
			damaged = true
		}
	}
	if !damaged {
		t.Skip("the tables are compressed: no record can be found")
	}
	logger, lines := log()
	s := open(t, dir, pebblestore.Options{Logger: logger})
	if got := len(pending(t, s)); got < count-100 || got == count || s.Damaged() == 0 {
		t.Errorf("%d of %d pending, %d damaged: %s", got, count, s.Damaged(), lines)
	}
	must(t, s.Add(t.Context(), deliverytest.Notification(count)))
	must(t, s.Close())
	if report, err := pebblestore.Check(dir, slog.New(slog.DiscardHandler)); err != nil || report.Damaged == 0 {
		t.Errorf("%+v %v", report, err)
	}
}

func TestStoreOfALaterVersionIsRefused(t *testing.T) {
	dir := filled(t, 1)
	change(t, dir, func(db *pebble.DB) { must(t, db.Set([]byte("v"), []byte{0, 0, 0, 2}, pebble.Sync)) })
	if _, err := pebblestore.Open(dir, pebblestore.Options{}); err == nil || !strings.Contains(err.Error(), "the store has version 2, and this nudge reads up to 1") {
		t.Errorf("got %v", err)
	}
}

// Wherever a table is damaged: the store opens, or says why not; when it opens, adding and ending go on, and forgetting
// what is old is no reason to refuse an outcome.
func TestDamageAnywhereInATable(t *testing.T) {
	const positions = 24
	opened := 0
	for i := range positions {
		dir := t.TempDir()
		s, err := pebblestore.Open(dir, pebblestore.Options{})
		must(t, err)
		for n := range 300 {
			must(t, s.Add(t.Context(), deliverytest.Notification(n)))
			if n < 150 {
				must(t, s.End(t.Context(), delivery.Record{Notification: deliverytest.Notification(n), State: delivery.Expired, Ended: deliverytest.Start.Add(time.Duration(n) * time.Millisecond)}))
			}
		}
		must(t, s.Close())
		change(t, dir, func(db *pebble.DB) { must(t, db.Flush()) })
		for _, path := range glob(t, dir, "*.sst") {
			data, err := os.ReadFile(path)
			must(t, err)
			for b := range 8 {
				data[len(data)*i/positions+b] ^= 0xff
			}
			must(t, os.WriteFile(path, data, 0o600))
		}
		s, err = pebblestore.Open(dir, pebblestore.Options{})
		if err != nil {
			continue
		}
		opened++
		for n := 1000; n < 1003; n++ {
			added := deliverytest.Notification(n)
			must(t, s.Add(t.Context(), added))
			if err := s.End(t.Context(), delivery.Record{Notification: added, State: delivery.Delivered, Ended: deliverytest.Start.Add(3 * time.Hour)}); err != nil {
				t.Errorf("damage at %d of %d: an outcome is refused: %v", i, positions, err)
			}
		}
		pending(t, s)
		must(t, s.Close())
	}
	if opened < positions*2/3 {
		t.Errorf("%d of %d damaged stores opened", opened, positions)
	}
}
