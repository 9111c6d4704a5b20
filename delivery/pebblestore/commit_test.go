package pebblestore

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Batches that wait together are committed together, and one of them that has to be synced has all synced: neither returns
// before, and both are there after a power cut.
func TestGroupIsSynced(t *testing.T) {
	disk := vfs.NewCrashableMem()
	gate := &syncGate{FS: disk, entered: make(chan struct{}), leave: make(chan struct{})}
	s, err := Open("data", Options{FS: gate})
	if err != nil {
		t.Fatal(err)
	}
	// A version stands in a new store; its sync is over.
	gate.closed.Store(true)
	commit := func(key string, sync bool) <-chan error {
		batch := s.db.NewBatch()
		_ = batch.Set([]byte(key), []byte("value"), pebble.NoSync)
		result := make(chan error, 1)
		go func() { result <- s.commit(batch, sync) }()
		return result
	}
	first := commit("z-first", true)
	<-gate.entered
	// The committer waits for the disk: these two gather.
	loose, synced := commit("z-loose", false), commit("z-synced", true)
	for len(s.commits.waiting) < 2 {
		runtime.Gosched()
	}
	gate.leave <- struct{}{}
	if err := <-first; err != nil {
		t.Error(err)
	}
	<-gate.entered
	select {
	case err := <-loose:
		t.Errorf("one of the group returned before the sync: %v", err)
	case err := <-synced:
		t.Errorf("the one that has to be synced returned before: %v", err)
	default:
	}
	gate.leave <- struct{}{}
	if err := <-loose; err != nil {
		t.Error(err)
	}
	if err := <-synced; err != nil {
		t.Error(err)
	}
	after, err := Open("data", Options{FS: disk.CrashClone(vfs.CrashCloneCfg{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"z-first", "z-loose", "z-synced"} {
		if _, err := after.get([]byte(key)); err != nil {
			t.Errorf("%s after a power cut: %v", key, err)
		}
	}
	gate.closed.Store(false)
	for _, s := range []*Store{s, after} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A disk that does not answer how much is free, or whether a file is there, holds nobody up.
func TestDiskThatHangs(t *testing.T) {
	fs := &hangingUsage{FS: vfs.NewMem(), hang: make(chan struct{})}
	s, err := Open("data", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	// The library has looked too; from here on it hangs.
	fs.hangs.Store(true)
	s.space.next.Store(0)
	for range 3 {
		if err := s.Ready(); err != nil {
			t.Error(err)
		}
	}
	close(fs.hang)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

type hangingUsage struct {
	vfs.FS
	hangs atomic.Bool
	hang  chan struct{}
}

func (h *hangingUsage) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if h.hangs.Load() {
		<-h.hang
	}
	return h.FS.GetDiskUsage(path)
}

// syncGate holds up each sync of a log file while it is closed: who enters has to be let leave.
type syncGate struct {
	vfs.FS
	closed         atomic.Bool
	entered, leave chan struct{}
}

func (g *syncGate) Create(path string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.Create(path, category)
	if err == nil && strings.HasSuffix(path, ".log") {
		return &gatedFile{f, g}, nil
	}
	return f, err
}

type gatedFile struct {
	vfs.File
	gate *syncGate
}

func (f *gatedFile) pass() {
	if f.gate.closed.Load() {
		f.gate.entered <- struct{}{}
		<-f.gate.leave
	}
}

func (f *gatedFile) Sync() error     { f.pass(); return f.File.Sync() }
func (f *gatedFile) SyncData() error { f.pass(); return f.File.SyncData() }
