package pebblestore

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spaceInterval is how often the free space is looked at.
const spaceInterval = 100 * time.Millisecond

// space watches the free space of the disk: a store that runs into a full disk cannot go on, so it stops taking before.
type space struct {
	fs  vfs.FS
	dir string
	min uint64

	mu   sync.Mutex
	next time.Time
	err  error
}

// check gives an error when too little is free. Where the file system cannot tell, there is none.
func (s *space) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.After(s.next) {
		s.next, s.err = now.Add(spaceInterval), nil
		if usage, err := s.fs.GetDiskUsage(s.dir); err == nil && usage.AvailBytes < s.min {
			s.err = fmt.Errorf("data directory %s: %d MiB are free on the disk, %d are needed", s.dir, usage.AvailBytes>>20, s.min>>20)
		}
	}
	return s.err
}

// logger passes on what the library says goes wrong.
type logger struct{ log *slog.Logger }

// Infof is for the library's own housekeeping, which nobody asked about.
func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("store", slog.String("error", fmt.Sprintf(format, args...)))
}

// Fatalf must not return: the library would go on as if nothing had happened. Called for somebody's commit, the panic
// ends as that one's error; called in a goroutine of the library's own, it ends the process.
func (l logger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.log.Error("the store cannot go on", slog.String("error", text))
	panic(text)
}
