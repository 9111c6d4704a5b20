package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A table that cannot be written is tried again by the library, at once: each time waits a little, and after a number in a
// row the store fails.
const (
	tableRetry    = 20 * time.Millisecond
	tableFailures = 100
)

// disk is the file system of a store's directory. It lets no error through that the library cannot go on after, keeps the
// list of log files, and makes files that only their owner may read.
type disk struct {
	vfs.FS
	dir     string
	failure *failure
	logs    *logList
	// chmod is nil where the file system has no modes.
	chmod func(path string, mode os.FileMode) error
	// tableErrors counts the errors of tables in a row.
	tableErrors atomic.Int64
}

// owns tells whether a file is the store's: a backup is written through the same file system.
func (d *disk) owns(path string) bool {
	return path == d.dir || filepath.Dir(path) == filepath.Clean(d.dir)
}

// see passes an error on if the library can bear it.
func (d *disk) see(op, path string, err error) error {
	if err == nil || !d.owns(path) {
		return err
	}
	name := filepath.Base(path)
	vital := path == d.dir || strings.HasSuffix(name, ".log") || strings.HasPrefix(name, "MANIFEST") || strings.HasPrefix(name, "marker.")
	if !vital && d.tableErrors.Add(1) <= tableFailures {
		// The library tries again at once, for ever: this is its pause.
		<-time.After(tableRetry)
		return err
	}
	d.failure.happen(fmt.Errorf("%s %s: %w", op, name, err))
	select {}
}

// private lets nobody but the owner read a file.
func (d *disk) private(path string) error {
	if d.chmod == nil {
		return nil
	}
	return d.chmod(path, 0o600)
}

// opened makes a file of the store's of one that was created.
func (d *disk) opened(op, path string, f vfs.File, err error) (vfs.File, error) {
	if err == nil {
		err = d.private(path)
	}
	if err == nil && isLog(path) && d.owns(path) {
		err = d.logs.add(d, path)
	}
	if err := d.see(op, path, err); err != nil {
		return nil, err
	}
	return &file{File: f, disk: d, path: path}, nil
}

// Create creates a file.
func (d *disk) Create(path string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(path, category)
	return d.opened("creating", path, f, err)
}

// ReuseForWrite takes an old log file for a new one.
func (d *disk) ReuseForWrite(from, path string, category vfs.DiskWriteCategory) (vfs.File, error) {
	var err error
	if d.owns(from) {
		err = d.logs.remove(d, from)
	}
	if err := d.see("reusing", from, err); err != nil {
		return nil, err
	}
	f, err := d.FS.ReuseForWrite(from, path, category)
	return d.opened("reusing", path, f, err)
}

// OpenDir opens the directory, to sync it.
func (d *disk) OpenDir(path string) (vfs.File, error) {
	f, err := d.FS.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d, path: path}, nil
}

// Rename renames a file.
func (d *disk) Rename(from, to string) error { return d.see("renaming", to, d.FS.Rename(from, to)) }

// Remove removes a file. That a log file may go is on the disk before it goes.
func (d *disk) Remove(path string) error {
	if isLog(path) && d.owns(path) {
		if err := d.logs.remove(d, path); err != nil {
			return err
		}
	}
	return d.FS.Remove(path)
}

// Lock makes the file that keeps others out.
func (d *disk) Lock(path string) (io.Closer, error) {
	lock, err := d.FS.Lock(path)
	if err != nil {
		return nil, err
	}
	if err := d.private(path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// Unwrap gives the file system below.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// file is a file, or the directory, of a store.
type file struct {
	vfs.File
	disk *disk
	path string
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.disk.see("writing", f.path, err)
}

func (f *file) Sync() error {
	err := f.File.Sync()
	if err == nil && strings.HasSuffix(f.path, ".sst") {
		f.disk.tableErrors.Store(0)
	}
	return f.disk.see("syncing", f.path, err)
}

func (f *file) SyncData() error { return f.disk.see("syncing", f.path, f.File.SyncData()) }

func (f *file) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.disk.see("syncing", f.path, err)
}

func (f *file) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	return info, f.disk.see("looking at", f.path, err)
}

func (f *file) Close() error { return f.disk.see("closing", f.path, f.File.Close()) }
