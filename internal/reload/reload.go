// Package reload keeps the parsed content of a file that an operator may change while the server runs.
//
// A small file is read on the spot by whoever uses it first after the change. A large one is read aside: until that is done
// the version before it is in force, and nobody waits.
package reload

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// granularity is how long after its modification a file's size and time may not tell a change yet, because clocks of file
// systems tick in steps of some milliseconds. A version read within that time is read once more.
const granularity = 50 * time.Millisecond

// onTheSpot is the size up to which a file is read by its user: that takes less than some milliseconds.
const onTheSpot = 64 << 10

// File is a file's parsed content. It is looked at on every use: one stat, no watcher, no delay.
type File[T any] struct {
	path  string
	parse func([]byte) (T, error)
	log   *slog.Logger

	mu      sync.Mutex
	value   T
	sum     Sum
	version version
	// refused is the version that could not be read or parsed last, and was logged.
	refused version
	readAt  time.Time
	// aside is closed when what is being read aside is in force; nil for nothing.
	aside chan struct{}
}

// Sum is the SHA-256 of a file.
type Sum = [sha256.Size]byte

type version struct {
	modified time.Time
	size     int64
	file     fs.FileInfo
}

func (v version) same(w version) bool {
	return v.file != nil && w.file != nil && os.SameFile(v.file, w.file) && v.modified.Equal(w.modified) && v.size == w.size
}

// Open reads and parses a file. The error names it.
func Open[T any](path string, log *slog.Logger, parse func([]byte) (T, error)) (*File[T], error) {
	f := &File[T]{path: path, parse: parse, log: log}
	v, err := f.stat()
	if err != nil {
		return nil, err
	}
	f.version, f.readAt = v, time.Now()
	if f.value, f.sum, err = f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// Value gives the content as it is now. A version that cannot be read or parsed is logged once, and the last good one
// stays in force.
func (f *File[T]) Value() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, err := f.stat()
	if err != nil {
		// A file that is replaced may be missing for a moment; log that once too.
		if f.version.file != nil {
			f.log.Error("file not readable; its last good version stays in force", slog.String("path", f.path), slog.Any("error", err))
			f.version = version{}
		}
		return f.value
	}
	// A modification time in the future was set on purpose, so the granularity of clocks does not matter.
	if age := f.readAt.Sub(v.modified); v.same(f.version) && (age > granularity || age < -granularity) {
		return f.value
	}
	repeated := v.same(f.version) || v.same(f.refused)
	if v.size <= onTheSpot {
		f.version, f.readAt = v, time.Now()
		value, sum, err := f.load()
		f.settle(v, value, sum, err, repeated)
		return f.value
	}
	if f.aside == nil {
		f.readAside(v, repeated)
	}
	return f.value
}

// readAside reads the version v in a goroutine. The file is locked.
func (f *File[T]) readAside(v version, repeated bool) {
	done := make(chan struct{})
	f.version, f.readAt, f.aside = v, time.Now(), done
	go func() {
		value, sum, err := f.load()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.settle(v, value, sum, err, repeated)
		f.aside = nil
		close(done)
	}()
}

// Sum tells one content that is in force from another.
func (f *File[T]) Sum() Sum {
	f.Value()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sum
}

// Refresh reads the file again, changed or not, and returns when what it holds is in force.
func (f *File[T]) Refresh() {
	f.mu.Lock()
	f.version, f.refused = version{}, version{}
	f.mu.Unlock()
	f.Value()
	f.mu.Lock()
	aside := f.aside
	f.mu.Unlock()
	if aside != nil {
		<-aside
	}
}

// settle puts what was read into force, if it is valid, and logs. The file is locked.
func (f *File[T]) settle(v version, value T, sum Sum, err error, repeated bool) {
	f.refused = version{}
	// One that was not valid in between is read again.
	same := err == nil && sum == f.sum && f.refused.file == nil
	if err == nil {
		f.value, f.sum = value, sum
	} else {
		f.refused = v
	}
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable {
		// Not a fault of what is in it: it is tried again.
		f.version = version{}
	}
	switch {
	case repeated, same:
	case err != nil:
		f.log.Error("file not valid; its last good version stays in force", slog.String("path", f.path), slog.Any("error", err))
	default:
		f.log.Info("file read again", slog.String("path", f.path))
	}
}

func (f *File[T]) stat() (version, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return version{}, err
	}
	return version{modified: info.ModTime(), size: info.Size(), file: info}, nil
}

// load reads and parses the file as it is now.
func (f *File[T]) load() (value T, sum Sum, err error) {
	data, err := os.ReadFile(f.path)
	if err != nil {
		return value, sum, err
	}
	if value, err = f.parse(data); err != nil {
		return value, sum, fmt.Errorf("%s: %w", f.path, err)
	}
	return value, sha256.Sum256(data), nil
}
