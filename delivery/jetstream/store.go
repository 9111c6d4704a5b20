package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/recordcodec"
)

// Store is a delivery.PartitionedStore. Make it with Open.
type Store struct {
	options Options
	conn    *nats.Conn
	js      jetstream.JetStream
	// creating and ending bound what is under way.
	creating, ending chan struct{}

	mu sync.Mutex
	// readers are those of the partitions that are taken, and pending where their pending records are, by SID.
	readers   map[int]*reader
	pending   [delivery.Partitions]map[string]place
	revoked   map[delivery.Device]time.Time
	onRevoked func(delivery.Device)
	// ended is the latest end of a record that was seen.
	ended time.Time
}

// place is where a pending record is.
type place struct {
	subject  string
	sequence uint64
}

// Open connects, and makes or verifies the streams.
func Open(ctx context.Context, options Options) (*Store, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	conn, err := options.connect()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &Store{options: options, conn: conn, js: js, creating: make(chan struct{}, maxInFlight), ending: make(chan struct{}, maxInFlight), readers: map[int]*reader{}, revoked: map[delivery.Device]time.Time{}}
	if err := s.setUp(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// Conn is the connection, for what else the processes tell each other.
func (s *Store) Conn() *nats.Conn { return s.conn }

// slack is how much longer a pending record is than it need be, in bytes: so its outcome is no longer than it is, and replaces it
// in a stream that is full. maxReason bounds an outcome's reason, for that.
const (
	slack     = 136
	maxReason = 100
)

func pendingData(n delivery.Notification) []byte {
	return append(recordcodec.Encode(delivery.Record{Notification: n, State: delivery.Pending}), make([]byte, slack)...)
}

func outcomeData(r delivery.Record) []byte {
	if len(r.Reason) > maxReason {
		r.Reason = strings.ToValidUTF8(r.Reason[:maxReason], "")
	}
	return recordcodec.Encode(r)
}

// Add stores a notification in the first free slot of its challenge.
func (s *Store) Add(ctx context.Context, n delivery.Notification) error {
	if n.TTL == 0 && n.ChallengeLimit == 0 {
		return s.Ready()
	}
	data := pendingData(n)
	if n.TTL == 0 {
		data = nil
	}
	select {
	case s.creating <- struct{}{}:
		defer func() { <-s.creating }()
	default:
		return ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	for slot := 1; slot <= max(n.ChallengeLimit, 1); slot++ {
		taken, err := s.takeSlot(ctx, s.subject(n, slot), n, data)
		if taken || err != nil {
			return err
		}
	}
	return delivery.ErrLimit
}

// takeSlot writes a notification into a slot; taken is false when another has it.
func (s *Store) takeSlot(ctx context.Context, subject string, n delivery.Notification, data []byte) (taken bool, err error) {
	mayBeOurs := false
	for {
		_, err := s.publish(ctx, subject, n.SID, 0, data, n.TTL+delivery.Retention)
		if err == nil {
			return true, nil
		}
		what := verdictOf(err)
		switch {
		case what == stale && !mayBeOurs:
			return false, nil
		case what == stale:
			return s.isOurs(ctx, subject, n)
		case what == never || ctx.Err() != nil:
			return false, err
		}
		mayBeOurs = mayBeOurs || what == unknown
		if sleep(ctx, what.pause()) != nil {
			return false, err
		}
	}
}

// isOurs tells whether a slot holds a notification whose acknowledgement was lost.
func (s *Store) isOurs(ctx context.Context, subject string, n delivery.Notification) (bool, error) {
	m, err := s.fromLeader(ctx, s.streamName(s.streamOf(delivery.PartitionOf(n.Device))), 0, subject)
	if errors.Is(err, errNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	record, ok, err := m.record()
	return ok && record.SID == n.SID, err
}

// PendingIn yields what is pending in a partition. Follow goes on behind it.
func (s *Store) PendingIn(ctx context.Context, partition int) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		r := s.newReader(s.streamOf(partition), s.ofPartition(partition))
		s.mu.Lock()
		s.readers[partition], s.pending[partition] = r, map[string]place{}
		s.mu.Unlock()
		err := r.all(ctx, func(m message) bool {
			record, ok := s.note(partition, m)
			return !ok || record.State != delivery.Pending || yield(record, nil)
		})
		if err != nil {
			yield(delivery.Record{}, err)
		}
	}
}

// Follow gives the records of a partition that are stored from now on to each, until ctx is done: pending ones, and outcomes. It
// begins behind what PendingIn has read.
func (s *Store) Follow(ctx context.Context, partition int, each func(delivery.Record)) {
	s.mu.Lock()
	r := s.readers[partition]
	s.mu.Unlock()
	if r == nil {
		return
	}
	for ctx.Err() == nil {
		err := r.read(ctx, false, func(m message) bool {
			if record, ok := s.note(partition, m); ok {
				each(record)
			}
			return ctx.Err() == nil
		})
		if err != nil && ctx.Err() == nil {
			s.options.Logger.Warn("a partition is read anew", slog.Int("partition", partition), slog.Any("error", err))
			_ = sleep(ctx, 100*time.Millisecond)
		}
	}
}

// Forget ends what PendingIn began: the partition is another process's.
func (s *Store) Forget(partition int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, partition)
	s.pending[partition] = nil
}

// note reads a message, and keeps where what is pending is.
func (s *Store) note(partition int, m message) (delivery.Record, bool) {
	record, ok, err := m.record()
	if err != nil {
		s.options.Logger.Error("a record cannot be read", slog.String("subject", m.subject), slog.Any("error", err))
	}
	if !ok {
		return record, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if places := s.pending[partition]; places != nil {
		if record.State == delivery.Pending {
			places[record.SID] = place{m.subject, m.sequence}
		} else {
			delete(places, record.SID)
		}
	}
	return record, true
}

func (s *Store) newReader(stream int, filter string) *reader {
	return &reader{js: s.js, stream: s.streamName(stream), filter: filter, start: s.oldest()}
}

// Pending yields what is pending in all partitions.
func (s *Store) Pending(ctx context.Context, from, to time.Time) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		var found []delivery.Record
		for stream := range s.options.Streams {
			err := s.newReader(stream, s.ofStream(stream)).all(ctx, func(m message) bool {
				record, ok, err := m.record()
				if err != nil {
					s.options.Logger.Error("a record cannot be read", slog.String("subject", m.subject), slog.Any("error", err))
				}
				expires := record.Expires()
				if ok && record.State == delivery.Pending && !expires.Before(from) && (to.IsZero() || expires.Before(to)) {
					found = append(found, record)
				}
				return true
			})
			if err != nil {
				yield(delivery.Record{}, err)
				return
			}
		}
		inOrder(found, yield)
	}
}

// DevicePending yields what is pending for a device.
func (s *Store) DevicePending(ctx context.Context, d delivery.Device, after delivery.Position) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		var found []delivery.Record
		err := s.eachOfDevice(ctx, d, func(_ message, record delivery.Record) bool {
			if record.State == delivery.Pending && after.Before(delivery.PositionOf(record.Notification)) {
				found = append(found, record)
			}
			return true
		})
		if err != nil {
			yield(delivery.Record{}, err)
			return
		}
		inOrder(found, yield)
	}
}

// eachOfDevice gives the records of a device, pending and ended ones.
func (s *Store) eachOfDevice(ctx context.Context, d delivery.Device, each func(message, delivery.Record) bool) error {
	partition := delivery.PartitionOf(d)
	take := func(m message) bool {
		record, ok, err := m.record()
		if err != nil {
			s.options.Logger.Error("a record cannot be read", slog.String("subject", m.subject), slog.Any("error", err))
		}
		// Two devices may share a hash.
		return !ok || record.Device != d || each(m, record)
	}
	messages, tooMany, err := s.ofDeviceNow(ctx, d)
	if tooMany {
		r := s.newReader(s.streamOf(partition), s.ofDevice(d))
		r.start = time.Time{}
		return r.all(ctx, take)
	}
	for _, m := range messages {
		if !take(m) {
			break
		}
	}
	return err
}

// inOrder yields records, the first to expire first.
func inOrder(records []delivery.Record, yield func(delivery.Record, error) bool) {
	slices.SortFunc(records, func(a, b delivery.Record) int {
		return cmp.Or(a.Expires().Compare(b.Expires()), strings.Compare(a.SID, b.SID))
	})
	for _, r := range records {
		if !yield(r, nil) {
			return
		}
	}
}

// Find gives the record with a SID: at once where it is pending in a partition that is taken, and else by reading all.
func (s *Store) Find(ctx context.Context, sid string) (delivery.Record, error) {
	if err := s.Ready(); err != nil {
		return delivery.Record{}, err
	}
	if partition, at, ok := s.placeOf(sid); ok {
		m, err := s.fromLeader(ctx, s.streamName(s.streamOf(partition)), at.sequence, "")
		if err == nil {
			record, _, err := m.record()
			return record, err
		}
		if !errors.Is(err, errNone) {
			return delivery.Record{}, err
		}
	}
	var found *delivery.Record
	for stream := 0; stream < s.options.Streams && found == nil; stream++ {
		r := s.newReader(stream, s.ofStream(stream))
		r.start = time.Time{}
		err := r.all(ctx, func(m message) bool {
			if record, ok, err := m.record(); err == nil && ok && record.SID == sid {
				found = &record
			}
			return found == nil
		})
		if err != nil {
			return delivery.Record{}, err
		}
	}
	return s.kept(found)
}

// FindOf gives the record of a device with a SID, by one request.
func (s *Store) FindOf(ctx context.Context, d delivery.Device, sid string) (delivery.Record, error) {
	if _, at, ok := s.placeOf(sid); ok && at.subject != "" {
		return s.Find(ctx, sid)
	}
	var found *delivery.Record
	err := s.eachOfDevice(ctx, d, func(_ message, record delivery.Record) bool {
		if record.SID == sid {
			found = &record
		}
		return found == nil
	})
	if err != nil {
		return delivery.Record{}, err
	}
	return s.kept(found)
}

// kept gives a record that was found, unless its retention is over by the ends of others.
func (s *Store) kept(found *delivery.Record) (delivery.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found == nil || found.State != delivery.Pending && s.ended.Sub(found.Ended) > delivery.Retention {
		return delivery.Record{}, delivery.ErrNotFound
	}
	return *found, nil
}

// placeOf is where a pending record of a partition that is taken is.
func (s *Store) placeOf(sid string) (partition int, at place, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for partition := range s.readers {
		if at, ok := s.pending[partition][sid]; ok {
			return partition, at, true
		}
	}
	return 0, place{}, false
}

// maxEnds is how many outcomes of one call are written at once.
const maxEnds = 64

// End replaces pending records by their outcomes. The error wraps delivery.ErrEnded when one had ended already.
func (s *Store) End(ctx context.Context, records ...delivery.Record) error {
	var group errgroup.Group
	group.SetLimit(maxEnds)
	for _, record := range records {
		group.Go(func() error { return s.end(ctx, record) })
	}
	return group.Wait()
}

func (s *Store) end(ctx context.Context, record delivery.Record) error {
	s.ending <- struct{}{}
	defer func() { <-s.ending }()
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	partition := delivery.PartitionOf(record.Device)
	s.mu.Lock()
	at, known := s.pending[partition][record.SID]
	s.mu.Unlock()
	for mayBeOurs := false; ; {
		if !known {
			var ended bool
			var err error
			if at, ended, err = s.locate(ctx, record, mayBeOurs); err != nil || ended {
				return err
			}
		}
		_, err := s.publish(ctx, at.subject, record.SID+" "+string(record.State), at.sequence, outcomeData(record), delivery.Retention)
		if err == nil {
			s.noteEnd(partition, record)
			return nil
		}
		what := verdictOf(err)
		if what == never || ctx.Err() != nil {
			return err
		}
		mayBeOurs = mayBeOurs || what == unknown
		// What the subject holds has to be read again.
		known = known && what != stale
		if sleep(ctx, what.pause()) != nil {
			return err
		}
	}
}

// noteEnd keeps that a record has ended.
func (s *Store) noteEnd(partition int, record delivery.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending[partition], record.SID)
	if record.Ended.After(s.ended) {
		s.ended = record.Ended
	}
}

// locate finds where the record is pending. ended says that it has ended as it should, by this call's earlier tries; where another
// ended it the error is delivery.ErrEnded.
func (s *Store) locate(ctx context.Context, wanted delivery.Record, mayBeOurs bool) (at place, ended bool, err error) {
	partition := delivery.PartitionOf(wanted.Device)
	var found *delivery.Record
	err = s.eachOfDevice(ctx, wanted.Device, func(m message, record delivery.Record) bool {
		if record.SID == wanted.SID {
			found, at = &record, place{m.subject, m.sequence}
		}
		return found == nil
	})
	if err != nil {
		return at, false, err
	}
	if found != nil {
		// A replica may be behind: the leader is not.
		m, err := s.fromLeader(ctx, s.streamName(s.streamOf(partition)), 0, at.subject)
		if err != nil && !errors.Is(err, errNone) {
			return at, false, err
		}
		record, ok, err := m.record()
		if err != nil {
			return at, false, err
		}
		at.sequence = m.sequence
		if ok && record.SID == wanted.SID && record.State == delivery.Pending {
			return at, false, nil
		}
		if mayBeOurs && ok && record.SID == wanted.SID && record.State == wanted.State && record.Ended.Equal(wanted.Ended) {
			s.noteEnd(partition, wanted)
			return at, true, nil
		}
	}
	s.noteEnd(partition, wanted)
	return at, false, fmt.Errorf("%w: %s", delivery.ErrEnded, wanted.SID)
}

// Ready tells whether the store can be reached.
func (s *Store) Ready() error {
	if !s.conn.IsConnected() {
		return errors.New("jetstream: there is no connection to a NATS server")
	}
	return nil
}

// Close ends the connection.
func (s *Store) Close() error {
	s.conn.Close()
	return nil
}
