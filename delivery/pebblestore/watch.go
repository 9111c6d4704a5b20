package pebblestore

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spaceInterval is how often the free space is looked at.
const spaceInterval = 100 * time.Millisecond

// glanceLimit is how long one look at the disk holds somebody up.
const glanceLimit = 100 * time.Millisecond

// glance looks at the disk, one look at a time. A disk may hang: whoever looks waits only a moment, and goes by the last look.
type glance struct{ looking sync.Mutex }

func (g *glance) take(look func()) {
	if !g.looking.TryLock() {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer g.looking.Unlock()
		look()
	}()
	select {
	case <-done:
	case <-time.After(glanceLimit):
	}
}

// space watches the free space of the disk: a store that runs into a full disk cannot go on, so it stops taking before.
type space struct {
	fs  vfs.FS
	dir string
	min uint64

	glance glance
	// next is when it is looked at again, in nanoseconds since 1970.
	next  atomic.Int64
	short atomic.Pointer[error]
}

// check gives an error when too little is free. Where the file system cannot tell, there is none.
func (s *space) check() error {
	if now := time.Now(); now.UnixNano() > s.next.Load() {
		s.glance.take(func() {
			s.next.Store(now.Add(spaceInterval).UnixNano())
			s.short.Store(s.look())
		})
	}
	if err := s.short.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *space) look() *error {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if err != nil || usage.AvailBytes >= s.min {
		return nil
	}
	err = fmt.Errorf("data directory %s: %d MiB are free on the disk, %d are needed", s.dir, usage.AvailBytes>>20, s.min>>20)
	return &err
}

// presence watches that the log file which is written is the one that its path names. Who removes or replaces the directory
// of a running store leaves it files that can be written and synced, and that nobody will ever find. A nil presence
// watches nothing: a file system in memory has no such accidents.
type presence struct {
	logs   *logList
	glance glance
	// looked is the log file that was looked at last.
	looked atomic.Pointer[logFile]
}

type logFile struct {
	path string
	info os.FileInfo
}

var errGone = errors.New("its files were removed or replaced while it was running")

// check gives an error when the log file is not there any more.
func (p *presence) check() error {
	if p == nil {
		return nil
	}
	path := p.logs.current()
	info, err := os.Lstat(path)
	looked := p.looked.Load()
	switch {
	case err != nil && p.logs.current() != path:
		// A new one has just been begun.
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", errGone, err)
	case looked == nil || looked.path != path:
		p.looked.CompareAndSwap(looked, &logFile{path, info})
	case !os.SameFile(looked.info, info):
		return errGone
	}
	return nil
}
