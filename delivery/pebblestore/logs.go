package pebblestore

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logListName is the file that lists the log files. The library takes a directory without one of its log files for one that
// never had it; with the list, what is missing is noticed.
const logListName = "LOGS"

func isLog(path string) bool { return strings.HasSuffix(path, ".log") }

// logList is the list of a store's log files, on the disk and in memory: a file is added before anything is written to it, and
// removed before it is.
type logList struct {
	// newest is the path of the log file that is written now.
	newest atomic.Value

	mu    sync.Mutex
	names []string
}

// readLogs gives what is listed and not there, and a list of the rest.
func readLogs(fs vfs.FS, dir string) (list *logList, missing []string, err error) {
	list = &logList{}
	f, err := fs.Open(fs.PathJoin(dir, logListName))
	if err != nil {
		// A store of an older version has none.
		return list, nil, nil //nolint:nilerr // a list that cannot be read misses nothing
	}
	data, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, nil, err
	}
	for _, name := range strings.Fields(string(data)) {
		if _, err := fs.Stat(fs.PathJoin(dir, name)); err != nil {
			missing = append(missing, name)
			continue
		}
		list.names = append(list.names, name)
	}
	return list, missing, nil
}

func (l *logList) add(d *disk, path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest.Store(path)
	l.names = append(l.names, filepath.Base(path))
	return l.write(d)
}

func (l *logList) remove(d *disk, path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := filepath.Base(path)
	if !slices.Contains(l.names, name) {
		return nil
	}
	l.names = slices.DeleteFunc(l.names, func(other string) bool { return other == name })
	return l.write(d)
}

// current is the path of the log file that is written now.
func (l *logList) current() string {
	path, _ := l.newest.Load().(string)
	return path
}

// write replaces the list on the disk. It uses the file system below, so that its errors come back here.
func (l *logList) write(d *disk) error {
	path := d.PathJoin(d.dir, logListName)
	f, err := d.FS.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(strings.Join(l.names, "\n") + "\n"))
	if err = errors.Join(err, f.Sync(), f.Close(), d.private(path+".new")); err != nil {
		return err
	}
	if err := d.FS.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := d.FS.OpenDir(d.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
