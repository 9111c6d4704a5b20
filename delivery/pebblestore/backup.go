package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2"
)

// Backup copies the store, while it is used, into a directory that is not there yet: everything that was acknowledged when
// it began is in the copy, which Open opens. Tables are hard links where the disk is the same, so that it is quick.
func (s *Store) Backup(to string) error {
	return s.use(func() error {
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already; a backup wants a new directory", to)
		}
		if err := s.failure.do(func() error { return s.db.Checkpoint(to, pebble.WithFlushedWAL()) }); err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		return private(to)
	})
}

// private lets nobody but the owner into a directory.
func private(dir string) error { return os.Chmod(dir, 0o700) }
