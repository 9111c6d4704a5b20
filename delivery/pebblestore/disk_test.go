package pebblestore_test

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/pebblestore"
)

// Whatever operation of the disk fails, and whether those after it fail too: the store says so, nothing hangs, and what
// Add returned nil for is there after a power cut.
func TestEveryOperationThatFails(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		injected := true
		for n := int32(0); injected; n++ {
			injected = failAt(t, n, sticky)
			if n > 60 {
				// Further ones are of the same kinds; steps keep the test short.
				n += 6
			}
		}
	}
}

// failAt lets the n-th operation fail; it tells whether there was one.
func failAt(t *testing.T, n int32, sticky bool) (injected bool) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	var count atomic.Int32
	var failed atomic.Bool
	var what atomic.Value
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if sticky && failed.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite || count.Add(1)-1 == n {
			failed.Store(true)
			what.Store(op.Path)
			return errorfs.ErrInjected
		}
		return nil
	}))
	told := make(chan error, 10)
	s, err := pebblestore.Open("data", pebblestore.Options{FS: fs, OnFailure: func(err error) { told <- err }})
	acknowledged, refused := 0, error(nil)
	if err == nil {
		for i := range 20 {
			if refused = s.Add(t.Context(), deliverytest.Notification(i)); refused != nil {
				break
			}
			acknowledged++
		}
		_ = s.Close()
	} else if !strings.Contains(err.Error(), "data") {
		t.Errorf("operation %d: %v names no directory", n, err)
	}
	if acknowledged < 20 && err == nil && len(told) == 0 {
		t.Errorf("operation %d: Add failed at %v and nobody was told: %v", n, what.Load(), refused)
	}
	if len(told) > 1 {
		t.Errorf("operation %d: the failure was told %d times", n, len(told))
	}
	if acknowledged == 0 {
		// A directory in which nothing ever was need not be a store.
		return failed.Load()
	}
	survivors := map[int]bool{}
	for i := range acknowledged {
		survivors[i] = true
	}
	checkSurvivors(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(n), 2))}), survivors)
	return failed.Load()
}

// Files that were removed or replaced under a running store are noticed before anything more is acknowledged.
func TestDirectoryThatGoes(t *testing.T) {
	for name, hurt := range map[string]func(t *testing.T, dir string){
		"removed": func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) },
		"emptied": func(t *testing.T, dir string) {
			for _, path := range glob(t, dir, "*") {
				must(t, os.RemoveAll(path))
			}
		},
		"moved away": func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+"-old")) },
		"replaced by a copy": func(t *testing.T, dir string) {
			must(t, os.Rename(dir, dir+"-old"))
			must(t, os.CopyFS(dir, os.DirFS(dir+"-old")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			failed := make(chan error, 1)
			s := open(t, dir, pebblestore.Options{OnFailure: func(err error) { failed <- err }})
			must(t, s.Add(t.Context(), deliverytest.Notification(0)))
			hurt(t, dir)
			if err := s.Add(t.Context(), deliverytest.Notification(1)); err == nil || !strings.Contains(err.Error(), "removed or replaced") {
				t.Errorf("got %v", err)
			}
			if err := <-failed; !strings.Contains(err.Error(), dir) {
				t.Error(err)
			}
			if s.Ready() == nil {
				t.Error("it is ready")
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecondServerIsRefusedWithoutItsLockFile(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, pebblestore.Options{})
	must(t, os.Remove(filepath.Join(dir, "LOCK")))
	if _, err := pebblestore.Open(dir, pebblestore.Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
}

func TestNobodyElseReadsTheFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir, pebblestore.Options{})
	must(t, s.Add(t.Context(), deliverytest.Notification(0)))
	for _, path := range append(glob(t, dir, "*"), dir) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
}

// log is a logger whose lines a test reads.
func log() (*slog.Logger, *bytes.Buffer) {
	var lines bytes.Buffer
	return slog.New(slog.NewTextHandler(&lines, nil)), &lines
}

// filled is the directory of a closed store with as many notifications.
func filled(t *testing.T, count int) string {
	t.Helper()
	dir := t.TempDir()
	s, err := pebblestore.Open(dir, pebblestore.Options{})
	must(t, err)
	for i := range count {
		must(t, s.Add(t.Context(), deliverytest.Notification(i)))
	}
	must(t, s.Close())
	return dir
}

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

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

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

func TestRevocationsSurvive(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblestore.Options{})
	d, other := deliverytest.Notification(0).Device, deliverytest.Notification(1).Device
	must(t, s.Revoke(d, deliverytest.Start))
	must(t, s.Close())
	s = open(t, dir, pebblestore.Options{})
	if at, revoked := s.Revoked(d); !revoked || !at.Equal(deliverytest.Start) {
		t.Errorf("%v %v", at, revoked)
	}
	if _, revoked := s.Revoked(other); revoked {
		t.Error("another device is revoked too")
	}
}

// Too little free space is no reason to refuse what needs none, and it passes by itself.
func TestLittleSpaceTakesWhatIsNotStored(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 20)
	s := open(t, "data", pebblestore.Options{FS: full{vfs.NewMem(), &free}, MinFree: 2 << 20})
	once := deliverytest.Notification(0)
	once.TTL = 0
	must(t, s.Add(t.Context(), once))
	if err := s.Ready(); err == nil || !strings.Contains(err.Error(), "1 MiB are free on the disk, 2 are needed") {
		t.Errorf("got %v", err)
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
