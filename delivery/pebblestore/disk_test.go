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

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

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

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

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
