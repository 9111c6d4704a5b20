package pebblestore

import (
	"bytes"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// forgetAtMost bounds what one End forgets; the next one goes on.
const forgetAtMost = 1000

// retention knows where the outcomes begin. What was forgotten stays in the files as tombstones until they are compacted:
// looking for old outcomes from the very first key on would go through all of them, at every End. Ranges of tombstones are
// worse: the library sorts all of them again at every write.
type retention struct {
	mu sync.Mutex
	// first is a key before which there is no outcome.
	first []byte
	// busy lets one End forget at a time.
	busy bool
}

// begin notes that an outcome is added, and gives the key from which on outcomes are to be forgotten; nil for none.
func (r *retention) begin(added, before []byte) (from []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes.Compare(added, r.first) < 0 {
		// The clock was set back.
		r.first = added
	}
	if r.busy || bytes.Compare(r.first, before) >= 0 {
		return nil
	}
	r.busy = true
	return r.first
}

// end notes that all outcomes from the key that begin gave, and before next, are forgotten.
func (r *retention) end(from, next []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
	if bytes.Equal(r.first, from) {
		r.first = next
	}
}

// forget removes the outcomes before a key, in the batch that adds one. The caller tells whether the batch was committed.
func (s *Store) forget(batch *pebble.Batch, added, before []byte) (committed func(bool), err error) {
	// Times before 1970 have no order as keys.
	if before[1] >= 0x80 {
		return func(bool) {}, nil
	}
	from := s.retention.begin(added, before)
	if from == nil {
		return func(bool) {}, nil
	}
	next, err := s.forgetFrom(batch, from, before)
	if err != nil {
		s.retention.end(from, from)
		return nil, err
	}
	return func(ok bool) {
		if !ok {
			next = from
		}
		s.retention.end(from, next)
	}, nil
}

// forgetFrom gives the first key that it left.
func (s *Store) forgetFrom(batch *pebble.Batch, from, before []byte) (next []byte, err error) {
	keys, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{outcomePrefix + 1}})
	if err != nil {
		return nil, err
	}
	defer s.close(keys)
	n := 0
	last := from
	for keys.First(); keys.Valid(); keys.Next() {
		last = bytes.Clone(keys.Key())
		if n == forgetAtMost || bytes.Compare(keys.Key(), before) >= 0 {
			return bytes.Clone(keys.Key()), nil
		}
		_ = batch.Delete(keys.Key(), nil)
		_ = batch.Delete(sidKey(keys.Key()[1+timeLength:]), nil)
		n++
	}
	err = keys.Error()
	if !pebble.IsCorruptionError(err) {
		return before, err
	}
	// What cannot be read is never forgotten; an outcome must not fail because of it.
	s.damage.block(err)
	if next = s.beyond(err, last, []byte{outcomePrefix + 1}); next == nil || bytes.Compare(next, before) > 0 {
		next = before
	}
	return next, nil
}

// close closes an iterator and counts its steps.
func (s *Store) close(keys *pebble.Iterator) {
	s.steps.Add(int64(keys.Stats().ForwardStepCount[pebble.InternalIterCall]))
	_ = keys.Close()
}

// Work counts the keys that were gone through so far, removed ones that are still in the files included. What it grows by
// for one more outcome must not depend on how many there were.
func (s *Store) Work() int64 { return s.steps.Load() }
