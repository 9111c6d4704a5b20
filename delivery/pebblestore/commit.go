package pebblestore

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// groupAtMost is how many batches are committed as one.
const groupAtMost = 256

// commits commits batches in groups: while the disk syncs one group, the next one gathers. The library is called from one
// goroutine, so that a caller can leave when the disk fails or hangs.
type commits struct {
	waiting chan *commit
	ended   chan struct{}
	// joined is the batch that the others are put into, always the same one: the library's pool keeps up to 1 MB of each
	// batch that has grown.
	joined *pebble.Batch
}

// commit is a batch that waits to be committed.
type commit struct {
	batch *pebble.Batch
	sync  bool
	done  chan error
}

func newCommits() commits {
	return commits{waiting: make(chan *commit, groupAtMost), ended: make(chan struct{})}
}

// commit commits a batch, which is the committer's from here on. With sync it is on the disk when there is no error.
func (s *Store) commit(batch *pebble.Batch, sync bool) error {
	c := &commit{batch: batch, sync: sync, done: make(chan error, 1)}
	s.failure.begun.Add(1)
	defer s.failure.ended.Add(1)
	select {
	case s.commits.waiting <- c:
	case <-s.failure.done:
		return s.failure.err
	}
	select {
	case err := <-c.done:
		return err
	case <-s.failure.done:
		return s.failure.err
	}
}

// commitGroups commits until there are no more to come.
func (s *Store) commitGroups() {
	defer close(s.commits.ended)
	group := make([]*commit, 0, groupAtMost)
	for first := range s.commits.waiting {
		group = append(group[:0], first)
		for more := true; more && len(group) < groupAtMost; {
			select {
			case c, open := <-s.commits.waiting:
				if more = open; open {
					group = append(group, c)
				}
			default:
				more = false
			}
		}
		err := s.commitGroup(group)
		if failed := s.failure.error(); failed != nil {
			// Whether it was written before or after cannot be known.
			err = failed
		}
		for _, c := range group {
			c.done <- err
		}
	}
}

// commitGroup commits batches as one. What was synced is worth nothing when its files are not there any more.
func (s *Store) commitGroup(group []*commit) (err error) {
	defer func() {
		// Damaged files make the library panic in places.
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	all := group[0].batch
	if len(group) > 1 {
		if all = s.commits.joined; all == nil {
			all = s.db.NewBatch()
		}
		// Until it was committed: after an error something may be using it.
		s.commits.joined = nil
	}
	options := pebble.NoSync
	for _, c := range group {
		if c.sync {
			options = pebble.Sync
		}
		if c.batch == all {
			continue
		}
		if err := all.Apply(c.batch, nil); err != nil {
			return err
		}
		_ = c.batch.Close()
	}
	if err := all.Commit(options); err != nil {
		return err
	}
	if len(group) > 1 {
		all.Reset()
		s.commits.joined = all
	} else {
		_ = all.Close()
	}
	if options.Sync {
		if err := s.presence.check(); err != nil {
			s.failure.happen(err)
		}
	}
	return nil
}
