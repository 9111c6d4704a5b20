package pebblestore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/servertest"
)

func open(t testing.TB, dir string, options pebblestore.Options) *pebblestore.Store {
	t.Helper()
	s, err := pebblestore.Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	dirs := map[delivery.Store]string{}
	deliverytest.TestStore(t, func(t *testing.T) delivery.Store {
		dir := t.TempDir()
		s := open(t, dir, pebblestore.Options{})
		dirs[s] = dir
		return s
	}, func(t *testing.T, s delivery.Store) delivery.Store {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return open(t, dirs[s], pebblestore.Options{})
	})
}

func TestOneProcessOnly(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, pebblestore.Options{})
	if _, err := pebblestore.Open(dir, pebblestore.Options{}); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want an error that names %s and says that it is in use", err, dir)
	}
}

// A power cut keeps what was synced and loses any part of the rest. What Add returned nil for must be there.
func TestPowerCut(t *testing.T) {
	for round := range 20 {
		disk := vfs.NewCrashableMem()
		s := open(t, "data", pebblestore.Options{FS: disk})
		var acknowledged [400]atomic.Bool
		var group sync.WaitGroup
		cut := make(chan *vfs.MemFS, 1)
		var added atomic.Int64
		for worker := range 8 {
			group.Go(func() {
				for i := range 50 {
					n := worker*50 + i
					if err := s.Add(t.Context(), deliverytest.Notification(n)); err != nil {
						t.Error(err)
					}
					// Those that are acknowledged before the cut are what counts.
					if len(cut) == 0 {
						acknowledged[n].Store(true)
					}
					if added.Add(1) == 200 {
						survivor := make(map[int]bool)
						for i := range acknowledged {
							survivor[i] = acknowledged[i].Load()
						}
						clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: round * 5, RNG: rand.New(rand.NewPCG(1, uint64(round)))})
						checkSurvivors(t, clone, survivor)
						cut <- clone
					}
				}
			})
		}
		group.Wait()
		if len(cut) == 0 {
			t.Fatal("the power was never cut")
		}
	}
}

func checkSurvivors(t *testing.T, disk vfs.FS, want map[int]bool) {
	s, err := pebblestore.Open("data", pebblestore.Options{FS: disk})
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = s.Close() }()
	for i, acknowledged := range want {
		if !acknowledged {
			continue
		}
		if _, err := s.Find(t.Context(), deliverytest.Notification(i).SID); err != nil {
			t.Errorf("notification %d was acknowledged and is lost: %v", i, err)
		}
	}
}

// failing is a disk that starts to refuse writes.
func failing(err error, on *atomic.Bool) vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return err
		}
		return nil
	}))
}

func TestFailingDiskTakesNothing(t *testing.T) {
	var on atomic.Bool
	failed := make(chan error, 10)
	s := open(t, "data", pebblestore.Options{
		FS: failing(errors.New("no space left on device"), &on), OnFailure: func(err error) { failed <- err },
	})
	if err := s.Add(t.Context(), deliverytest.Notification(0)); err != nil {
		t.Fatal(err)
	}
	on.Store(true)
	for i := 1; i < 4; i++ {
		if err := s.Add(t.Context(), deliverytest.Notification(i)); err == nil || !strings.Contains(err.Error(), "data") {
			t.Errorf("notification %d on a failing disk: %v", i, err)
		}
	}
	if len(failed) != 1 || !strings.Contains((<-failed).Error(), "no space left") {
		t.Errorf("the failure was told %d times", len(failed))
	}
}

// At the front door: a caller is never told 201 for what is not stored.
func TestFailingDiskIsAnswered503(t *testing.T) {
	var on atomic.Bool
	s := open(t, "data", pebblestore.Options{FS: failing(errors.New("no space left on device"), &on)})
	queue, err := delivery.NewQueue(t.Context(), delivery.Config{Store: s, Channels: map[string]delivery.Channel{"stream": &stream.Hub{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.Close() })
	running := servertest.New(t, func(c *server.Config) { c.Queue = queue })
	c, err := client.New(client.WithBaseURL(running.URL), client.WithBasicAuth(running.AccountSID, running.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	create := func() error {
		_, err := c.CreateNotification(t.Context(), client.Challenge{
			ServiceSID: documented.ServiceSID, Identity: "device-0001", SID: documented.ChallengeSID,
		}, api.CreateNotificationRequest{})
		return err
	}
	if err := create(); err != nil {
		t.Fatal(err)
	}
	on.Store(true)
	for range 3 {
		var refused *client.Error
		if err := create(); !errors.As(err, &refused) || refused.Code != 20503 || refused.Status != 503 || strings.Contains(err.Error(), "device\"") {
			t.Errorf("got %v, want 503 and 20503", err)
		}
	}
}

// full is a disk with little space left.
type full struct {
	vfs.FS
	free *atomic.Uint64
}

func (f full) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free.Load()}, nil
}

func TestFullDiskIsRefusedBeforeItHurts(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 20)
	s := open(t, "data", pebblestore.Options{FS: full{vfs.NewMem(), &free}})
	err := s.Add(t.Context(), deliverytest.Notification(0))
	if err == nil || !strings.Contains(err.Error(), "1 MiB are free on the disk, 64 are needed") {
		t.Errorf("got %v", err)
	}
}

func TestDamagedStoreIsRefused(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"a manifest of zeros": func(t *testing.T, dir string) { overwrite(t, dir, "MANIFEST-*") },
		"no manifest": func(t *testing.T, dir string) {
			for _, path := range glob(t, dir, "MANIFEST-*") {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, pebblestore.Options{})
			for i := range 10 {
				if err := s.Add(t.Context(), deliverytest.Notification(i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, dir)
			if _, err := pebblestore.Open(dir, pebblestore.Options{}); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want an error that names %s", err, dir)
			}
		})
	}
	t.Run("not writable", func(t *testing.T) {
		if _, err := pebblestore.Open("/proc/nudge", pebblestore.Options{}); err == nil || !strings.Contains(err.Error(), "/proc/nudge") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not a directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := pebblestore.Open(path, pebblestore.Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
	})
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return paths
}

func overwrite(t *testing.T, dir, pattern string) {
	t.Helper()
	for _, path := range glob(t, dir, pattern) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, info.Size()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkAdd stores notifications durably from several goroutines.
func BenchmarkAdd(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, b.TempDir(), pebblestore.Options{})
			b.SetParallelism(writers)
			var i atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := deliverytest.Notification(int(i.Add(1)))
					n.Created = time.Now().UTC().Truncate(time.Second)
					if err := s.Add(b.Context(), n); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
