package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nudgehq/nudge/server/delivery"
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
	// OnFailure, if any, is called once, with the error after which nothing can be written or read any more. The store
	// has to be opened again, by another process.
	OnFailure func(error)
	// Logger gets what goes wrong inside the store. Nil: nothing is logged.
	Logger *slog.Logger
	// FS is the file system. Nil: the operating system's.
	FS vfs.FS
}

// Store is a delivery.Store. Make it with Open.
type Store struct {
	dir   string
	db    *pebble.DB
	lock  *pebble.Lock
	space space
	log   *slog.Logger
	// onFailure is told when failed is set.
	onFailure func(error)

	// life keeps the database open while something uses it; closed is guarded by it.
	life   sync.RWMutex
	closed bool
	// failed holds the error after which nothing can be written.
	failed atomic.Pointer[error]
	retention retention
	steps     atomic.Int64
	// stripes order the adding to one challenge: the count is read and written in one step.
	stripes [1024]sync.Mutex
	seed    maphash.Seed
}

// Open opens the store in a directory, which it makes where there is none. One process can have it open. The error names
// the directory.
func Open(dir string, options Options) (*Store, error) {
	if options.MinFree == 0 {
		options.MinFree = DefaultMinFree
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.FS == nil {
		options.FS = vfs.Default
	}
	if err := options.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	lock, err := pebble.LockDirectory(dir, options.FS)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: it is in use by another process, or not writable: %w", dir, err)
	}
	s := &Store{dir: dir, lock: lock, log: options.Logger, onFailure: options.OnFailure, seed: maphash.MakeSeed(), retention: retention{first: []byte{outcomePrefix}}, space: space{fs: options.FS, dir: dir, min: options.MinFree}}
	cache := pebble.NewCache(cacheSize)
	defer cache.Unref()
	s.db, err = openDB(dir, &pebble.Options{
		FS:                 options.FS,
		Lock:               lock,
		Cache:              cache,
		MemTableSize:       memTableSize,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger{options.Logger},
		Levels:             levels(),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: the store is damaged or cannot be read: %w", dir, err), lock.Close())
	}
	return s, nil
}

// levels gives every level a Bloom filter: most looks for a SID are for one that only one file has.
func levels() (l [7]pebble.LevelOptions) {
	for i := range l {
		l[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return l
}

// openDB makes an error of a panic: damaged files make the library panic in places.
func openDB(dir string, options *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	return pebble.Open(dir, options)
}

// use keeps the database open while f works on it. A failure to write is final: the library cannot go on after one.
func (s *Store) use(f func() error) (err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return fmt.Errorf("data directory %s: closed", s.dir)
	}
	if failed := s.failed.Load(); failed != nil {
		return *failed
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("data directory %s: cannot be written any more: %v", s.dir, v)
			if s.failed.CompareAndSwap(nil, &err) {
				s.log.Error("the store failed; nothing is taken until a restart", slog.Any("error", err))
				if s.onFailure != nil {
					s.onFailure(err)
				}
			}
		}
	}()
	return f()
}

// Add stores the notification.
func (s *Store) Add(_ context.Context, n delivery.Notification) error {
	return s.use(func() error {
		if err := s.space.check(); err != nil {
			return err
		}
		batch := s.db.NewBatch()
		defer func() { _ = batch.Close() }()
		if n.ChallengeLimit > 0 {
			unlock, err := s.count(batch, n)
			if err != nil {
				return err
			}
			defer unlock()
		}
		if n.TTL > 0 {
			sid, err := digits(n.SID)
			if err != nil {
				return err
			}
			pending := pendingKey(n, sid)
			// Setting into a batch in memory does not fail.
			_ = batch.Set(pending, encode(delivery.Record{Notification: n, State: delivery.Pending}), nil)
			_ = batch.Set(deviceKey(n.Device, pending), nil, nil)
			_ = batch.Set(sidKey(sid), pending, nil)
		}
		if batch.Empty() {
			return nil
		}
		return batch.Commit(pebble.Sync)
	})
}

// count adds one to the challenge's count in the batch, unless it has reached its limit. Until unlock, nobody else
// counts for the same challenge.
func (s *Store) count(batch *pebble.Batch, n delivery.Notification) (unlock func(), err error) {
	key, err := countKey(n)
	if err != nil {
		return nil, err
	}
	stripe := &s.stripes[maphash.Bytes(s.seed, key)%uint64(len(s.stripes))]
	stripe.Lock()
	value, err := s.get(key)
	if err != nil && !errors.Is(err, pebble.ErrNotFound) {
		stripe.Unlock()
		return nil, err
	}
	var counted uint64
	if len(value) == 8 {
		counted = binary.BigEndian.Uint64(value)
	}
	if counted >= uint64(n.ChallengeLimit) {
		stripe.Unlock()
		return nil, delivery.ErrLimit
	}
	_ = batch.Set(key, binary.BigEndian.AppendUint64(nil, counted+1), nil)
	return stripe.Unlock, nil
}

// get gives a copy of a value.
func (s *Store) get(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closer.Close() }()
	return bytes.Clone(value), nil
}

// Pending yields what is pending and expires between two times.
func (s *Store) Pending(_ context.Context, from, to time.Time) iter.Seq2[delivery.Record, error] {
	first, end := []byte{pendingPrefix}, []byte{pendingPrefix + 1}
	if !from.IsZero() {
		first = timedKey(pendingPrefix, from, nil)
	}
	if !to.IsZero() {
		end = timedKey(pendingPrefix, to, nil)
	}
	return s.scan(first, end, func(_, value []byte) (delivery.Record, error) { return decode(value) })
}

// DevicePending yields what is pending for a device.
func (s *Store) DevicePending(_ context.Context, d delivery.Device) iter.Seq2[delivery.Record, error] {
	prefix := deviceKeys(d)
	return s.scan(prefix, after(prefix), func(key, _ []byte) (delivery.Record, error) {
		value, err := s.get(append([]byte{pendingPrefix}, key[len(prefix):]...))
		if err != nil {
			return delivery.Record{}, err
		}
		return decode(value)
	})
}

// scan yields what read makes of each key from first on and before end. One that ended meanwhile is passed over.
func (s *Store) scan(first, end []byte, read func(key, value []byte) (delivery.Record, error)) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		err := s.use(func() error {
			keys, err := s.db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: end})
			if err != nil {
				return err
			}
			defer s.close(keys)
			for keys.First(); keys.Valid(); keys.Next() {
				record, err := read(keys.Key(), keys.Value())
				if errors.Is(err, pebble.ErrNotFound) {
					continue
				}
				if err != nil {
					return fmt.Errorf("data directory %s: %w", s.dir, err)
				}
				if !yield(record, nil) {
					return nil
				}
			}
			return keys.Error()
		})
		if err != nil {
			yield(delivery.Record{}, err)
		}
	}
}

// Find gives the record with this SID.
func (s *Store) Find(_ context.Context, sidText string) (record delivery.Record, err error) {
	sid, err := digits(sidText)
	if err != nil {
		return record, delivery.ErrNotFound
	}
	err = s.use(func() error {
		// The record may move from pending to its outcome between the two reads; then the second look finds it.
		for range 2 {
			key, err := s.get(sidKey(sid))
			if err != nil {
				return err
			}
			value, err := s.get(key)
			if errors.Is(err, pebble.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			record, err = decode(value)
			return err
		}
		return pebble.ErrNotFound
	})
	if errors.Is(err, pebble.ErrNotFound) {
		err = delivery.ErrNotFound
	}
	return record, err
}

// End records final states and forgets old ones.
func (s *Store) End(_ context.Context, records ...delivery.Record) error {
	return s.use(func() error {
		batch := s.db.NewBatch()
		defer func() { _ = batch.Close() }()
		options := pebble.NoSync
		var latest time.Time
		var oldest []byte
		for _, r := range records {
			sid, err := digits(r.SID)
			if err != nil {
				return err
			}
			pending := pendingKey(r.Notification, sid)
			outcome := timedKey(outcomePrefix, r.Ended, sid)
			_ = batch.Delete(pending, nil)
			_ = batch.Delete(deviceKey(r.Device, pending), nil)
			_ = batch.Set(outcome, encode(r), nil)
			_ = batch.Set(sidKey(sid), outcome, nil)
			if r.State != delivery.Expired {
				options = pebble.Sync
			}
			if latest.Before(r.Ended) {
				latest = r.Ended
			}
			if oldest == nil || bytes.Compare(outcome, oldest) < 0 {
				oldest = outcome
			}
		}
		if batch.Empty() {
			return nil
		}
		forgotten, err := s.forget(batch, oldest, timedKey(outcomePrefix, latest.Add(-delivery.Retention), nil))
		if err != nil {
			return err
		}
		err = batch.Commit(options)
		forgotten(err == nil)
		return err
	})
}

// Close closes the files. What is going on ends first.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.failed.Load() == nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.lock.Close())
}
