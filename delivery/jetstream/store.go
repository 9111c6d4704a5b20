package jetstream

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
	// refused counts outcomes that another process had written before.
	refused atomic.Int64

	mu sync.Mutex
	// readers are those of the partitions that are taken, and pending where their pending records are, by SID.
	readers   map[int]*reader
	pending   [delivery.Partitions]map[string]place
	revoked   map[delivery.DeviceHash]time.Time
	onRevoked func(delivery.Device)
	// buried are the dead addresses, with since when.
	buried map[delivery.AddressHash]time.Time
	// revocations is the bucket of what is revoked, and graves that of dead addresses; both are watched until stopWatching.
	revocations, graves *Bucket
	watchCtx            context.Context
	stopWatching        context.CancelFunc
	watching            sync.WaitGroup
	denied              denials
	seldom              seldom
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
	s, err := Connect(ctx, options)
	if err != nil {
		return nil, err
	}
	guarded, errorOf, cancel := s.denied.until(ctx)
	defer cancel()
	if err = s.setUp(guarded); err == nil {
		s.watchCtx, s.stopWatching = context.WithCancel(context.WithoutCancel(ctx))
		if err = s.watchRevoked(guarded); err == nil {
			err = s.watchBuried(guarded)
		}
	}
	if err != nil {
		s.conn.Close()
		return nil, errorOf(err)
	}
	return s, nil
}

// Connect connects, for buckets alone: it makes no stream, and the methods of a delivery.Store are not to be used.
func Connect(ctx context.Context, options Options) (*Store, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	s := &Store{options: options, creating: make(chan struct{}, maxInFlight), ending: make(chan struct{}, maxInFlight), readers: map[int]*reader{}, revoked: map[delivery.DeviceHash]time.Time{}, buried: map[delivery.AddressHash]time.Time{}}
	var err error
	if s.conn, err = options.connect(&s.denied); err != nil {
		return nil, err
	}
	if s.js, err = jetstream.New(s.conn); err == nil {
		err = s.checkServers(ctx)
	}
	if err != nil {
		s.conn.Close()
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
	r.follow(ctx, func(m message) bool {
		if record, ok := s.note(partition, m); ok {
			each(record)
		}
		return ctx.Err() == nil
	}, func(err error) {
		s.seldom.warn(s.options.Logger, "partitions cannot be read now; it is tried again", slog.Int("partition", partition), slog.Any("error", err))
	})
}

// Forget ends what PendingIn began: the partition is another process's.
func (s *Store) Forget(partition int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, partition)
	s.pending[partition] = nil
}

// read reads a message's record, and says so when it cannot.
func (s *Store) read(m message) (delivery.Record, bool) {
	record, ok, err := m.record()
	if err != nil {
		s.options.Logger.Error("a record cannot be read", slog.String("subject", m.subject), slog.Any("error", err))
	}
	return record, ok
}

// note reads a message, and keeps where what is pending is.
func (s *Store) note(partition int, m message) (delivery.Record, bool) {
	record, ok := s.read(m)
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

// Ready tells whether the store can be reached.
func (s *Store) Ready() error {
	if !s.conn.IsConnected() {
		return errors.New("jetstream: there is no connection to a NATS server")
	}
	return s.denied.ready()
}

// Close ends the connection.
func (s *Store) Close() error {
	if s.stopWatching != nil {
		s.stopWatching()
	}
	s.conn.Close()
	s.watching.Wait()
	return nil
}
