package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// readAtOnce is how many messages are asked for at once, and readWait how long a request for them lasts.
	readAtOnce = 500
	readWait   = 20 * time.Second
	// heartbeat is how often the server says that it is there: a reader whose server is gone makes another one after two.
	heartbeat = 500 * time.Millisecond
	// abandoned is how long a server keeps a reader that asks for nothing.
	abandoned = 30 * time.Second
)

// reader reads the messages of some subjects of a stream in their order, each once: first those that are there, then those that
// come. It keeps no state on the servers but a consumer in memory, and goes on behind the last message when that is lost.
//
// It is not nats.go's OrderedConsumer, which was blind for ten seconds after its server was killed.
type reader struct {
	js             jetstream.JetStream
	stream, filter string
	start          time.Time
	// last is the sequence of the last message in the stream, and got how many this consumer has given.
	last     uint64
	got      uint64
	consumer jetstream.Consumer
	// pending is how many messages were there, behind the last one that was read.
	pending atomic.Uint64
}

// open makes the consumer, where there is none.
func (r *reader) open(ctx context.Context) error {
	if r.consumer != nil {
		return nil
	}
	config := jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: abandoned, FilterSubject: r.filter,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	switch {
	case r.last > 0:
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.last+1
	case !r.start.IsZero():
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &r.start
	}
	ctx, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
	defer cancel()
	consumer, err := r.js.CreateConsumer(ctx, r.stream, config)
	if err != nil {
		return fmt.Errorf("jetstream: %s cannot be read: %w", r.stream, err)
	}
	r.consumer, r.got = consumer, 0
	r.pending.Store(consumer.CachedInfo().NumPending)
	return nil
}

// errGap says that a message of the consumer is missing.
var errGap = errors.New("jetstream: a message is missing")

// read gives messages to each as they come: until ctx is done or the request for them is over, or, where only what is there is
// wanted, until that is read. It stops when each says so. After an error the next read goes on behind the last message.
func (r *reader) read(ctx context.Context, onlyThere bool, each func(message) bool) (err error) {
	if err := r.open(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			r.consumer = nil
		}
	}()
	count := readAtOnce
	if onlyThere {
		if r.pending.Load() == 0 {
			return nil
		}
		count = int(min(readAtOnce, r.pending.Load()))
	}
	ctx, cancel := context.WithTimeout(ctx, readWait)
	defer cancel()
	batch, err := r.consumer.Fetch(count, jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(heartbeat))
	if err != nil {
		return err
	}
	before := r.got
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if r.got++; meta.Sequence.Consumer != r.got {
			return errGap
		}
		r.last = meta.Sequence.Stream
		r.pending.Store(meta.NumPending)
		if !each(message{m.Subject(), meta.Sequence.Stream, m.Data()}) {
			// What of the batch is not taken is missing for the next.
			r.consumer = nil
			return nil
		}
		if onlyThere && r.pending.Load() == 0 {
			break
		}
	}
	if onlyThere && r.got-before < uint64(count) {
		// Some of what was there is gone meanwhile, and the request still waits for it.
		r.consumer = nil
	}
	err = batch.Error()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		// The end of the request was late: so may a message be.
		r.consumer = nil
		return nil
	}
	return err
}

// follow gives what comes to each, until ctx is done. What keeps it from that is told to failed, and it is tried again.
func (r *reader) follow(ctx context.Context, each func(message) bool, failed func(error)) {
	for ctx.Err() == nil {
		if err := r.read(ctx, false, each); err != nil && ctx.Err() == nil {
			failed(err)
			_ = sleep(ctx, 100*time.Millisecond)
		}
	}
}

// all gives all messages that are there.
func (r *reader) all(ctx context.Context, each func(message) bool) error {
	stopped := false
	for failed := 0; ; {
		err := r.read(ctx, true, func(m message) bool {
			failed = 0
			stopped = !each(m)
			return !stopped
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			// The servers may be choosing a leader.
			if failed++; failed > 5 {
				return err
			}
			if err := sleep(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		case stopped || r.pending.Load() == 0:
			return nil
		}
	}
}
