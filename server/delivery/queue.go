package delivery

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Defaults of Config.
const (
	// DefaultWorkers is how many attempts of one channel are made at once.
	DefaultWorkers = 64
	// DefaultAttemptTimeout is how long one attempt may take, and how long a device has to acknowledge a notification
	// with a TTL of 0.
	DefaultAttemptTimeout = 10 * time.Second
)

// Config is what a Queue is made of. Store and Channels are required; the rest has defaults.
type Config struct {
	Store Store
	// Channels are the ways to devices, by the name that Notification.Channel has.
	Channels map[string]Channel
	// Workers is how many attempts of one channel are made at once. 0: DefaultWorkers.
	Workers int
	// AttemptTimeout is how long one attempt may take. 0: DefaultAttemptTimeout.
	AttemptTimeout time.Duration
	// Clock tells the time. Nil: SystemClock.
	Clock Clock
	// Random gives numbers in [0,1) for the jitter of retries. Nil: math/rand.
	Random func() float64
	// Observe, if any, is called with every event; it must not block. An acknowledgement may come in before the attempt
	// that it answers is observed; otherwise events of one notification come in order.
	Observe func(Event)
	// Logger gets what goes wrong. Nil: nothing is logged.
	Logger *slog.Logger
}

// Queue delivers notifications until their TTL elapses.
type Queue struct {
	config     Config
	clock      Clock
	ctx        context.Context
	cancel     context.CancelFunc
	lanes      map[string]*lane
	partitions [Partitions]partition
	expirer    expirer
	busy       busy
	recent     recent
}

// NewQueue makes a queue and takes up what its store holds as pending.
func NewQueue(ctx context.Context, config Config) (*Queue, error) {
	if config.Store == nil || len(config.Channels) == 0 {
		return nil, errors.New("delivery: Config.Store and Config.Channels are required")
	}
	if config.Workers == 0 {
		config.Workers = DefaultWorkers
	}
	if config.AttemptTimeout == 0 {
		config.AttemptTimeout = DefaultAttemptTimeout
	}
	if config.Clock == nil {
		config.Clock = SystemClock{}
	}
	if config.Random == nil {
		config.Random = rand.Float64
	}
	if config.Observe == nil {
		config.Observe = func(Event) {}
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	q := &Queue{config: config, clock: config.Clock, lanes: map[string]*lane{}}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	for name, channel := range config.Channels {
		q.lanes[name] = newLane(channel, config.Workers, q.runAttempt)
	}
	for i := range q.partitions {
		q.partitions[i].entries = map[sid]*entry{}
	}
	if err := q.takeUp(ctx); err != nil {
		return nil, err
	}
	return q, nil
}

// takeUp makes entries of what the store holds, due at once unless their device is known to be offline.
func (q *Queue) takeUp(ctx context.Context) error {
	now := q.clock.Now().UnixNano()
	for record, err := range q.config.Store.Pending(ctx, time.Time{}, time.Time{}) {
		if err != nil {
			return fmt.Errorf("delivery: reading what is pending: %w", err)
		}
		e, err := q.newEntry(record.Notification)
		if err != nil {
			return err
		}
		e.wake = now
		if presence, ok := e.lane.channel.(Presence); ok && !presence.Present(record.Device) {
			e.phase, e.wake = waiting, e.expires
		}
		q.partitionOf(record.Device).add(e)
	}
	for i := range q.partitions {
		p := &q.partitions[i]
		p.mu.Lock()
		q.setTimer(p)
		p.mu.Unlock()
	}
	return nil
}

// Add takes a notification over: when it returns nil the store has it durably, unless its TTL is 0, and the first attempt
// is on its way. The error wraps ErrLimit or ErrUnavailable, and then nothing was taken.
func (q *Queue) Add(ctx context.Context, n Notification) error {
	if q.ctx.Err() != nil {
		return ErrUnavailable
	}
	e, err := q.newEntry(n)
	if err != nil {
		return err
	}
	// A caller that gives up must not leave the store in doubt.
	if err := q.config.Store.Add(context.WithoutCancel(ctx), n); err != nil {
		if errors.Is(err, ErrLimit) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	q.observe(EventCreated, Record{Notification: n, State: Pending}, Result{})
	p := q.partitionOf(n.Device)
	p.mu.Lock()
	defer p.mu.Unlock()
	e.phase = attempting
	p.add(e)
	q.setTimer(p)
	q.submit(job{p, e, &n})
	return nil
}

func (q *Queue) newEntry(n Notification) (*entry, error) {
	key, err := parseSID(n.SID)
	if err != nil {
		return nil, err
	}
	e := &entry{sid: key, expires: n.Expires().UnixNano(), index: -1, lane: q.lanes[n.Channel], destination: destinationOf(n.Address)}
	if n.TTL == 0 {
		e.once = &n
		e.expires = q.clock.Now().Add(q.config.AttemptTimeout).UnixNano()
	}
	if e.lane == nil {
		e.lane = newLane(noChannel(n.Channel), 1, q.runAttempt)
	}
	e.wake = e.expires
	return e, nil
}

func (e *entry) text() string { return e.sid.String() }

// noChannel stands for a channel that this server does not have.
type noChannel string

func (c noChannel) Deliver(context.Context, Attempt) Result {
	return Gone(fmt.Sprintf("this server has no channel %.40q", string(c)))
}

func (q *Queue) partitionOf(d Device) *partition { return &q.partitions[PartitionOf(d)] }

// submit hands an attempt to its lane. The partition is locked.
func (q *Queue) submit(j job) {
	q.busy.begin()
	j.entry.phase = attempting
	if j.entry.wake != j.entry.expires {
		j.partition.reschedule(j.entry, j.entry.expires)
	}
	j.entry.lane.submit(j)
}

// setTimer sets the partition's timer to its first wake. The partition is locked.
func (q *Queue) setTimer(p *partition) {
	if len(p.wakes) == 0 || q.ctx.Err() != nil {
		return
	}
	first := p.wakes[0].wake
	if p.stop != nil {
		if p.at <= first {
			return
		}
		p.stop()
	}
	p.at = first
	p.timer++
	timer, wait := p.timer, time.Duration(first-q.clock.Now().UnixNano())
	p.stop = q.clock.AfterFunc(wait, func() { q.attend(p, timer) })
}

// attend deals with the entries whose time has come: they expire, or they are tried again.
func (q *Queue) attend(p *partition, timer int) {
	q.busy.begin()
	defer q.busy.end()
	p.mu.Lock()
	if timer != p.timer {
		// Another timer has been set since.
		p.mu.Unlock()
		return
	}
	p.stop = nil
	now := q.clock.Now().UnixNano()
	var over []*entry
	for len(p.wakes) > 0 && p.wakes[0].wake <= now {
		e := p.wakes[0]
		switch {
		case now < e.expires:
			q.submit(job{partition: p, entry: e})
		case e.attempt != nil:
			// The attempt ends now and decides: it may just have succeeded.
			heap.Pop(&p.wakes)
			e.attempt.expired = true
			e.attempt.cancel()
		default:
			p.remove(e)
			over = append(over, e)
		}
	}
	q.setTimer(p)
	p.mu.Unlock()
	q.expire(over)
}

// record reads the notification of an entry, with the entry's own count of attempts.
func (q *Queue) record(e *entry, n *Notification) (Record, error) {
	var record Record
	switch {
	case n != nil:
		record = Record{Notification: *n, State: Pending}
	case e.once != nil:
		record = Record{Notification: *e.once, State: Pending}
	default:
		var err error
		if record, err = q.config.Store.Find(q.ctx, e.text()); err != nil {
			return Record{}, err
		}
	}
	record.Attempts, record.LastAttempt = int(e.attempts), fromNanos(e.last)
	return record, nil
}

// end records final states: in the store, or in memory for what is stored nowhere.
func (q *Queue) end(records ...Record) error {
	stored := records[:0:0]
	for _, record := range records {
		if record.TTL == 0 {
			q.recent.add(record)
			continue
		}
		stored = append(stored, record)
	}
	if len(stored) == 0 {
		return nil
	}
	return q.config.Store.End(context.WithoutCancel(q.ctx), stored...)
}

func (q *Queue) observe(t EventType, record Record, result Result) {
	event := Event{Type: t, Time: q.clock.Now(), Record: record}
	if t == EventAttempted {
		event.Result, event.Reason = result.String(), result.Reason()
	}
	q.config.Observe(event)
}

// Wake tries again what waits for a device: it has just connected. What is to be tried at a certain time is left alone.
func (q *Queue) Wake(ctx context.Context, d Device) error {
	p := q.partitionOf(d)
	for record, err := range q.config.Store.DevicePending(ctx, d) {
		if err != nil {
			return fmt.Errorf("delivery: reading what is pending for a device: %w", err)
		}
		key, err := parseSID(record.SID)
		if err != nil {
			return err
		}
		p.mu.Lock()
		if known := p.entries[key]; known != nil {
			switch known.phase {
			case attempting:
				known.woken = true
			case waiting:
				q.submit(job{p, known, &record.Notification})
			case scheduled:
			}
		}
		p.mu.Unlock()
	}
	return nil
}

// Acknowledge ends a notification as delivered: the device says that it has it. Doing it twice is no error. The error is
// ErrNotFound when the device has no such notification, or not any more, or when its channel is none that devices
// connect to.
func (q *Queue) Acknowledge(ctx context.Context, d Device, sidText string) error {
	record, err := q.Find(ctx, sidText)
	if err != nil {
		return err
	}
	if record.Device != d {
		return ErrNotFound
	}
	if record.State != Pending {
		if record.State == Delivered {
			return nil
		}
		return ErrNotFound
	}
	key, err := parseSID(record.SID)
	if err != nil {
		return err
	}
	p := q.partitionOf(d)
	p.mu.Lock()
	known := p.entries[key]
	connected := false
	if known != nil {
		_, connected = known.lane.channel.(Presence)
	}
	if !connected || known.once == nil && q.clock.Now().UnixNano() >= known.expires {
		p.mu.Unlock()
		return ErrNotFound
	}
	p.remove(known)
	p.mu.Unlock()
	return q.finish(p, known, record, Delivered, "")
}

// Find gives what became of a notification; the error is ErrNotFound when none has this SID, or not any more.
func (q *Queue) Find(ctx context.Context, sidText string) (Record, error) {
	key, err := parseSID(sidText)
	if err != nil {
		return Record{}, ErrNotFound
	}
	record, ended := q.recent.find(key.String())
	if ended {
		return q.kept(record)
	}
	record, err = q.config.Store.Find(ctx, sidText)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Record{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	stored := err == nil
	if stored && record.State != Pending {
		return q.kept(record)
	}
	for i := range q.partitions {
		p := &q.partitions[i]
		if stored {
			p = q.partitionOf(record.Device)
		}
		p.mu.Lock()
		e := p.entries[key]
		if e != nil && (stored || e.once != nil) {
			if !stored {
				record = Record{Notification: *e.once, State: Pending}
			}
			record.Attempts, record.LastAttempt = int(e.attempts), fromNanos(e.last)
			p.mu.Unlock()
			return record, nil
		}
		p.mu.Unlock()
		if stored {
			return record, nil
		}
	}
	return Record{}, ErrNotFound
}

// kept gives an outcome until Retention is over: a store forgets it some time after.
func (q *Queue) kept(record Record) (Record, error) {
	if q.clock.Now().Sub(record.Ended) > Retention {
		return Record{}, ErrNotFound
	}
	return record, nil
}

// Pending is how many notifications wait for their outcome.
func (q *Queue) Pending() int {
	n := 0
	for i := range q.partitions {
		p := &q.partitions[i]
		p.mu.Lock()
		n += len(p.entries)
		p.mu.Unlock()
	}
	return n
}

// Idle waits until no attempt is being made or due now.
func (q *Queue) Idle() { q.busy.wait() }

// Close takes no more notifications, ends the attempts that are being made and waits for them. What is pending stays in
// the store, which Close leaves open.
func (q *Queue) Close() error {
	q.cancel()
	for i := range q.partitions {
		p := &q.partitions[i]
		p.mu.Lock()
		if p.stop != nil {
			p.stop()
		}
		p.mu.Unlock()
	}
	q.busy.wait()
	return nil
}

// busy counts what is going on.
type busy struct {
	mu   sync.Mutex
	n    int
	idle chan struct{}
}

func (b *busy) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
}

func (b *busy) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n--
	if b.n == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
}

func (b *busy) wait() {
	b.mu.Lock()
	if b.n == 0 {
		b.mu.Unlock()
		return
	}
	if b.idle == nil {
		b.idle = make(chan struct{})
	}
	idle := b.idle
	b.mu.Unlock()
	<-idle
}
