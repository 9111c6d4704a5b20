//go:build unix && !solaris && !aix

package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// lockDirectory locks the directory itself: unlike the library's file LOCK it cannot be removed while it is in use.
func lockDirectory(dir string) (io.Closer, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), f.Close())
	}
	return f, nil
}
