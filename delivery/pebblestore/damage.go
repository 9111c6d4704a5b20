package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/wal"

	"github.com/nudgehq/nudge/internal/recordcodec"
)

// damageInterval is how often the same kind of damage is logged at most: the library meets it again and again.
const damageInterval = time.Minute

// damage counts and logs what cannot be read. It does not end the store: what is beside it can be.
type damage struct {
	log   *slog.Logger
	count atomic.Int64

	mu     sync.Mutex
	logged map[string]time.Time
}

func (d *damage) add(text string, attributes ...any) {
	d.count.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	key := text + fmt.Sprint(attributes...)
	if time.Since(d.logged[key]) < damageInterval {
		return
	}
	if len(d.logged) > 1000 || d.logged == nil {
		d.logged = map[string]time.Time{}
	}
	d.logged[key] = time.Now()
	d.log.Error(text, attributes...)
}

func (d *damage) block(err error) {
	d.add("a damaged block of the store is passed over; what it held is lost", slog.String("error", firstLine(err)))
}

func (d *damage) missing(names []string) {
	for _, name := range names {
		d.add("a log file of the store is missing; what it held is lost", slog.String("file", name))
	}
}

// background is told of errors in the library's own work, which it tries again.
func (d *damage) background(err error) {
	if err != nil {
		d.add("the store's housekeeping met an error and tries again", slog.String("error", firstLine(err)))
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// Damaged is how many records, blocks and files could not be read so far.
func (s *Store) Damaged() int { return int(s.damage.count.Load()) }

// putAside takes a record out of the way that cannot be read, and keeps its bytes. One of a later version stays where it is,
// for a later nudge.
func (s *Store) putAside(key, value []byte, err error) {
	if errors.Is(err, recordcodec.ErrLater) {
		s.damage.add("a record was written by a later version of nudge, and is left alone", slog.String("key", fmt.Sprintf("%x", key)), slog.Any("error", err))
		return
	}
	s.damage.add("a damaged record is put aside", slog.String("key", fmt.Sprintf("%x", key)), slog.Any("error", err))
	if key[0] != pendingPrefix && key[0] != outcomePrefix {
		return
	}
	batch := s.db.NewBatch()
	_ = batch.Set(append([]byte{asidePrefix}, key...), value, nil)
	_ = batch.Delete(key, nil)
	// When it cannot be written it comes again at the next start.
	_ = s.commit(batch, false)
}

// Version is the version of the keys and what they mean. A store of a later version is refused.
const Version = 1

// readMeta checks the version of the store, which it writes into a new one, and reads what is kept in memory.
func (s *Store) readMeta(readOnly bool) error {
	value, err := s.get([]byte{versionPrefix})
	switch {
	case errors.Is(err, pebble.ErrNotFound) && !readOnly:
		batch := s.db.NewBatch()
		_ = batch.Set([]byte{versionPrefix}, binary.BigEndian.AppendUint32(nil, Version), nil)
		if err := s.commit(batch, true); err != nil {
			return err
		}
		s.version = Version
	case errors.Is(err, pebble.ErrNotFound):
	case pebble.IsCorruptionError(err):
		// What else is in the block is not lost by going on.
		s.damage.block(err)
	case err != nil:
		return err
	case len(value) != 4:
		return errors.New("the store's version is damaged")
	case binary.BigEndian.Uint32(value) > Version:
		return fmt.Errorf("the store has version %d, and this nudge reads up to %d: use a later one", binary.BigEndian.Uint32(value), Version)
	default:
		s.version = int(binary.BigEndian.Uint32(value))
	}
	if err := s.readRevocations(); err != nil {
		return err
	}
	return s.readAddresses()
}

// replay is where the log files ended at the start.
type replay struct {
	mu   sync.Mutex
	file string
	at   int64
}

// LogEnd is the log file that was read last at the start, and the offset in bytes up to which it could be read; empty when
// there was none.
func (s *Store) LogEnd() (file string, offset int64) {
	s.replay.mu.Lock()
	defer s.replay.mu.Unlock()
	return s.replay.file, s.replay.at
}

// logger passes on what the library says goes wrong.
type logger struct{ store *Store }

// Infof is for the library's own housekeeping, which nobody asked about; but where it stopped to read a log file is said
// nowhere else.
func (l logger) Infof(format string, args ...any) {
	if !strings.Contains(format, "stopped reading at offset") || len(args) < 3 {
		return
	}
	if offset, ok := args[2].(wal.Offset); ok {
		l.store.replay.mu.Lock()
		defer l.store.replay.mu.Unlock()
		l.store.replay.file, l.store.replay.at = offset.PhysicalFile, offset.Physical
	}
}

func (l logger) Errorf(format string, args ...any) {
	l.store.damage.add("store", slog.String("error", fmt.Sprintf(format, args...)))
}

// Fatalf must not return: the library would go on as if nothing had happened.
func (l logger) Fatalf(format string, args ...any) {
	l.store.failure.happen(fmt.Errorf(format, args...))
	select {}
}
