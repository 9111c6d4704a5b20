package pebblestore

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// DefaultMinFree is how much free space on the disk a store wants, in bytes: below it nothing is taken, so that what was
// taken can still be compacted and ended.
const DefaultMinFree = 64 << 20

// Memory that the store takes, in bytes.
const (
	memTableSize = 32 << 20
	cacheSize    = 64 << 20
)

// Options are a store's settings; the zero value is good.
type Options struct {
	// MinFree is how much space must be free on the disk, in bytes. 0: DefaultMinFree.
	MinFree uint64
	// OnFailure, if any, is called once, with the error after which nothing can be written any more; it must not wait. The
	// store has to be opened again, by another process.
	OnFailure func(error)
	// Logger gets what goes wrong inside the store. Nil: nothing is logged.
	Logger *slog.Logger
	// FS is the file system. Nil: the operating system's.
	FS vfs.FS

	// tune changes the database's options, for measurements.
	tune func(*pebble.Options)
}

// Store is a delivery.Store. Make it with Open.
type Store struct {
	dir   string
	db    *pebble.DB
	locks []io.Closer
	log   *slog.Logger

	// failure, space and presence watch the disk; damage counts what cannot be read.
	failure  *failure
	space    space
	presence *presence
	damage   damage
	replay   replay

	// life keeps the database open while something uses it; closed is guarded by it.
	life   sync.RWMutex
	closed bool

	// version is the store's; 0 when it has none, or when it cannot be read.
	version   int
	retention retention
	commits   commits
	revoked   revocations
	addresses addresses
	steps     atomic.Int64
	// stripes order the adding to one challenge: the count is read and written in one step.
	stripes [1024]sync.Mutex
	seed    maphash.Seed
}

// Open opens the store in a directory, which it makes where there is none. One process can have it open. The error names
// the directory.
func Open(dir string, options Options) (*Store, error) {
	return open(dir, options, false)
}

// IsStore tells whether a directory holds a store.
func IsStore(dir string) bool {
	manifests, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
	return err == nil && len(manifests) > 0
}

func open(dir string, options Options, readOnly bool) (_ *Store, err error) {
	if options.MinFree == 0 {
		options.MinFree = DefaultMinFree
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	real := options.FS == nil
	if real {
		options.FS = vfs.Default
	}
	s := &Store{
		dir: dir, log: options.Logger, failure: newFailure(dir, options), damage: damage{log: options.Logger}, seed: maphash.MakeSeed(),
		retention: retention{first: []byte{outcomePrefix}}, space: space{fs: options.FS, dir: dir, min: options.MinFree},
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("data directory %s: %w", dir, err), s.unlock())
		}
	}()
	if !readOnly {
		if err := options.FS.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	files := &disk{FS: options.FS, dir: dir, failure: s.failure}
	if real {
		files.chmod = os.Chmod
	}
	if err := s.takeLocks(files, real); err != nil {
		return nil, err
	}
	list, missing, err := readLogs(options.FS, dir)
	if err != nil {
		return nil, err
	}
	s.damage.missing(missing)
	if files.logs = list; real {
		s.presence = &presence{logs: list}
	}
	if err := s.failure.do(func() error { return s.openDB(files, readOnly, options.tune) }); err != nil {
		return nil, fmt.Errorf("the store is damaged or cannot be read: %w", err)
	}
	s.commits = newCommits()
	go s.commitGroups()
	if err := s.readMeta(readOnly); err != nil {
		return nil, errors.Join(err, s.closeDB())
	}
	return s, nil
}

// takeLocks keeps other processes out.
func (s *Store) takeLocks(files *disk, real bool) error {
	if real {
		lock, err := lockDirectory(s.dir)
		if err != nil {
			return fmt.Errorf("it is in use by another process, or not readable: %w", err)
		}
		s.locks = append(s.locks, lock)
	}
	lock, err := pebble.LockDirectory(s.dir, files)
	if err != nil {
		return fmt.Errorf("it is in use by another process, or not writable: %w", err)
	}
	s.locks = append(s.locks, lock)
	return nil
}

func (s *Store) unlock() error {
	var err error
	for i := len(s.locks) - 1; i >= 0; i-- {
		err = errors.Join(err, s.locks[i].Close())
	}
	s.locks = nil
	return err
}

// openDB opens the database with what BenchmarkOptions found best, or no better than what the library does by itself; docs/performance.md has its table.
func (s *Store) openDB(files *disk, readOnly bool, tune func(*pebble.Options)) (err error) {
	cache := pebble.NewCache(cacheSize)
	defer cache.Unref()
	lock, _ := s.locks[len(s.locks)-1].(*pebble.Lock)
	options := &pebble.Options{
		FS:                 files,
		Lock:               lock,
		Cache:              cache,
		MemTableSize:       memTableSize,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger{s},
		EventListener:      &pebble.EventListener{BackgroundError: s.damage.background, DataCorruption: func(i pebble.DataCorruptionInfo) { s.damage.background(i.Details) }},
		Levels:             levels(),
		ReadOnly:           readOnly,
	}
	if tune != nil {
		tune(options)
	}
	s.db, err = pebble.Open(s.dir, options)
	return err
}

// levels gives every level a Bloom filter: most looks for a SID are for one that only one file has.
func levels() (l [7]pebble.LevelOptions) {
	for i := range l {
		l[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return l
}

// use keeps the database open while f works on it.
func (s *Store) use(f func() error) (err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return fmt.Errorf("data directory %s: closed", s.dir)
	}
	if err := s.failure.error(); err != nil {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			s.failure.happen(fmt.Errorf("%v", v))
			err = s.failure.error()
		}
	}()
	return f()
}

// Ready gives an error while the store takes nothing: too little space is free, or it has failed. Called once a second or so,
// it notices that the directory is gone, and that writes do not come back.
func (s *Store) Ready() error {
	s.failure.lookAtWrites(time.Now())
	if err := s.failure.error(); err != nil {
		return err
	}
	if s.presence != nil {
		s.presence.glance.take(func() {
			if err := s.presence.check(); err != nil {
				s.failure.happen(err)
			}
		})
	}
	if err := s.failure.error(); err != nil {
		return err
	}
	return s.space.check()
}

// Close closes the files. What is going on ends first. A store that has failed keeps its files open until the process ends:
// something may wait for them for ever.
func (s *Store) Close() error {
	if s.failure.error() != nil {
		return s.unlock()
	}
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.closeDB(), s.unlock())
}

// closeDB closes the database after what waits to be committed; nobody uses it any more.
func (s *Store) closeDB() error {
	return s.failure.do(func() error {
		close(s.commits.waiting)
		<-s.commits.ended
		return s.db.Close()
	})
}
