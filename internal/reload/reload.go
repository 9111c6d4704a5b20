// Package reload keeps the parsed content of a file that an operator may change while the server runs.
package reload

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// settle is how long after its modification a file's size and time may not tell a change yet, because clocks of file
// systems tick in steps of some milliseconds. A version read within that time is read once more.
const settle = 50 * time.Millisecond

// File is a file's parsed content. It is looked at on every use: one stat, no watcher, no delay.
type File[T any] struct {
	path  string
	parse func([]byte) (T, error)
	log   *slog.Logger

	mu      sync.Mutex
	value   T
	version version
	// refused is the version that could not be read or parsed last, and was logged.
	refused version
	readAt  time.Time
}

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
	if err := f.read(v); err != nil {
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
	// A time that lies ahead is no clock's tick: such a file was given its time.
	if age := f.readAt.Sub(v.modified); v.same(f.version) && (age > settle || age < -settle) {
		return f.value
	}
	repeated := v.same(f.version) || v.same(f.refused)
	err = f.read(v)
	f.refused = version{}
	if err != nil {
		f.refused = v
	}
	switch {
	case repeated:
	case err != nil:
		f.log.Error("file not valid; its last good version stays in force", slog.String("path", f.path), slog.Any("error", err))
	default:
		f.log.Info("file read again", slog.String("path", f.path))
	}
	return f.value
}

func (f *File[T]) stat() (version, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return version{}, err
	}
	return version{modified: info.ModTime(), size: info.Size(), file: info}, nil
}

// read parses the version v. It counts as read even when it is not valid, so that it is not parsed again; one that
// cannot be read is tried again.
func (f *File[T]) read(v version) error {
	now := time.Now()
	data, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	f.version, f.readAt = v, now
	value, err := f.parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.value = value
	return nil
}
