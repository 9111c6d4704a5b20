package pebblestore

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// failure is the end of a store: the first error of its disk after which the library cannot go on. It happens once, is
// logged in one line and told to OnFailure. The library itself is never given such an error: in its own goroutines it would
// end the process with a dump, and in a commit it may leave locks behind. What meets the error stops for ever instead, and
// whoever waits for it is given the failure.
type failure struct {
	once sync.Once
	done chan struct{}
	err  error

	// begun and ended count commits; endedThen is how many had come back at the last look.
	begun, ended atomic.Int64
	looking      sync.Mutex
	endedThen    int64
	// waiting notes that writes were under way at the last look, at looked; none has come back since.
	waiting       bool
	looked, since time.Time

	dir       string
	log       *slog.Logger
	onFailure func(error)
}

func newFailure(dir string, options Options) *failure {
	return &failure{done: make(chan struct{}), dir: dir, log: options.Logger, onFailure: options.OnFailure}
}

// happen ends the store.
func (f *failure) happen(err error) {
	f.once.Do(func() {
		f.err = fmt.Errorf("data directory %s: cannot be used any more: %w", f.dir, err)
		f.log.Error("the store failed; nothing is taken until a restart", slog.Any("error", f.err))
		if f.onFailure != nil {
			f.onFailure(f.err)
		}
		close(f.done)
	})
}

// error is the failure; nil while there is none.
func (f *failure) error() error {
	select {
	case <-f.done:
		return f.err
	default:
		return nil
	}
}

// commitLimit is how long no write may come back. The library lets writers wait for its housekeeping, which may wait for a file that
// is damaged, for ever.
const commitLimit = 30 * time.Second

// lookAtWrites ends the store when writes are under way and none has come back for too long. It is called now and then.
func (f *failure) lookAtWrites(now time.Time) {
	f.looking.Lock()
	defer f.looking.Unlock()
	ended := f.ended.Load()
	waiting := f.begun.Load() != ended
	// A gap between two looks says nothing of what happened in it.
	if !waiting || !f.waiting || ended != f.endedThen || now.Sub(f.looked) > 5*time.Second {
		f.since = now
	}
	f.endedThen, f.waiting, f.looked = ended, waiting, now
	if now.Sub(f.since) > commitLimit {
		f.happen(fmt.Errorf("no write came back within %v", commitLimit))
	}
}

// do calls g and waits for it, or for the failure, which may be what g does not return from.
func (f *failure) do(g func() error) error {
	result := make(chan error, 1)
	go func() {
		defer func() {
			// Damaged files make the library panic in places.
			if v := recover(); v != nil {
				result <- fmt.Errorf("%v", v)
			}
		}()
		result <- g()
	}()
	select {
	case err := <-result:
		if failed := f.error(); failed != nil {
			// Whether it was written before or after cannot be known.
			return failed
		}
		return err
	case <-f.done:
		return f.err
	}
}

// Failed tells whether the store has failed: it has to be opened again, by another process.
func (s *Store) Failed() bool { return s.failure.error() != nil }
