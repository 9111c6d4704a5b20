package delivery

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Config.
const (
	// DefaultWorkers is how many attempts of one channel are under way at once.
	DefaultWorkers = 1024
	// DefaultAttemptTimeout is how long one attempt may take, and how long a device has to acknowledge a notification
	// with a TTL of 0.
	DefaultAttemptTimeout = 10 * time.Second
)

// Config is what a Queue is made of. Store and Channels are required; the rest has defaults.
type Config struct {
	Store Store
	// Channels are the ways to devices, by the name that Notification.Channel has.
	Channels map[string]Channel
	// Find, if any, gives a channel that is not among Channels, or nil; it is asked when one is first needed. Notifications of one that
	// is not there wait for it; without Find they fail.
	Find func(name string) Channel
	// Shared says that other processes share the work over the same store, a PartitionedStore: the queue owns no partition
	// until it Takes one, and makes no attempt until its lease is Extended.
	Shared bool
	// Workers is how many attempts of one channel are under way at once. 0: DefaultWorkers.
	Workers int
	// MaxPending and MaxPendingDevice are how many notifications may be pending, in all and for one device. 0:
	// DefaultMaxPending and DefaultMaxPendingDevice.
	MaxPending, MaxPendingDevice int
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
	time       *timeline
	seed       maphash.Seed
	ctx        context.Context
	cancel     context.CancelFunc
	channels   channels
	partitions [Partitions]partition
	pending    atomic.Int64
	expirer    expirer
	busy       busy
	recent     recent
	unstored   unstored
	reasons    reasons
	// until and untilWall are the end of the lease, as a moment and as wall time: a machine that was suspended may have missed either.
	// stopLease ends the timer that is set for it.
	until, untilWall atomic.Int64
	leaseMu          sync.Mutex
	stopLease        func()
	tickMu           sync.Mutex
	stopTick         func()
}

// NewQueue makes a queue and takes up what its store holds as pending.
func NewQueue(ctx context.Context, config Config) (*Queue, error) {
	if config.Store == nil || len(config.Channels) == 0 || len(config.Channels) > maxChannels {
		return nil, errors.New("delivery: Config.Store and Config.Channels are required, of up to 10,000 channels")
	}
	if config.Workers == 0 {
		config.Workers = DefaultWorkers
	}
	if config.AttemptTimeout == 0 {
		config.AttemptTimeout = DefaultAttemptTimeout
	}
	if config.MaxPending == 0 {
		config.MaxPending = DefaultMaxPending
	}
	if config.MaxPendingDevice == 0 {
		config.MaxPendingDevice = DefaultMaxPendingDevice
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
	q := &Queue{config: config, clock: config.Clock, time: newTimeline(config.Clock), seed: maphash.MakeSeed()}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	q.channels.all.Store(&channelSet{pools: []*pool{q.newPool("", noChannel{mayCome: config.Find != nil})}, numbers: map[string]uint16{}})
	for name, channel := range config.Channels {
		q.addChannel(name, channel)
	}
	for i := range q.partitions {
		p := &q.partitions[i]
		p.entries, p.devices, p.acknowledging = map[sid]*entry{}, map[deviceKey]int32{}, map[sid]chan struct{}{}
		p.owned = !config.Shared
	}
	if !config.Shared {
		q.until.Store(int64(forever))
		if err := q.restore(ctx); err != nil {
			return nil, err
		}
	}
	q.setTick()
	return q, nil
}

// restore takes up what the store holds.
func (q *Queue) restore(ctx context.Context) error {
	for record, err := range q.config.Store.Pending(ctx, time.Time{}, time.Time{}) {
		if err == nil {
			err = q.takeUp(record, false)
		}
		if err != nil {
			return fmt.Errorf("delivery: reading what is pending: %w", err)
		}
	}
	return nil
}

// Add takes a notification over: when it returns nil the store has it durably, unless its TTL is 0, and the first attempt
// is on its way. The error wraps ErrLimit, ErrFull, ErrDeviceFull, ErrAddressDead or ErrUnavailable, and then nothing was taken.
func (q *Queue) Add(ctx context.Context, n Notification) error {
	if q.ctx.Err() != nil {
		return ErrUnavailable
	}
	if err := q.checkAddress(ctx, &n); err != nil {
		return err
	}
	e, err := q.newEntry(n)
	if err != nil {
		return err
	}
	p := q.partitionOf(n.Device)
	if q.config.Shared && n.TTL > 0 {
		// Its partition's owner takes it up from the store.
		if err := q.hasRoom(p, e); err != nil {
			return err
		}
		return q.store(ctx, n)
	}
	if err := q.reserve(p, e); err != nil {
		return err
	}
	if err := q.store(ctx, n); err != nil {
		p.mu.Lock()
		q.release(p, e)
		p.mu.Unlock()
		return err
	}
	q.observe(EventCreated, Record{Notification: n, State: Pending}, Result{})
	p.mu.Lock()
	defer p.mu.Unlock()
	e.phase = attempting
	p.add(e)
	if n.TTL == 0 {
		q.unstored.add(e.sid, p)
	}
	q.setTimer(p)
	q.submit(job{p, e, &n})
	return nil
}

// store makes a notification durable.
func (q *Queue) store(ctx context.Context, n Notification) error {
	// A caller that gives up must not leave the store in doubt.
	err := q.config.Store.Add(context.WithoutCancel(ctx), n)
	if err == nil || errors.Is(err, ErrLimit) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (q *Queue) newEntry(n Notification) (*entry, error) {
	key, err := parseSID(n.SID)
	if err != nil {
		return nil, err
	}
	e := &entry{
		sid: key, expires: n.Expires().UnixNano(), deadline: q.time.deadline(n), index: -1,
		pool: q.number(n.Channel),
	}
	e.destination, e.device = q.keys(&n)
	if n.TTL == 0 {
		e.running = &running{once: &n}
		// Until its attempt begins.
		e.deadline = q.time.now().add(q.config.AttemptTimeout)
	}
	e.wake = e.deadline
	return e, nil
}

func (e *entry) text() string { return e.sid.String() }

func (q *Queue) partitionOf(d Device) *partition { return &q.partitions[PartitionOf(d)] }

// add puts an entry that is counted nowhere yet into its partition.
func (q *Queue) add(p *partition, e *entry) {
	q.pending.Add(1)
	p.devices[e.device]++
	p.add(e)
}

// remove takes an entry out of its partition.
func (q *Queue) remove(p *partition, e *entry) {
	p.remove(e)
	if e.once() != nil {
		q.unstored.remove(e.sid)
	}
	q.release(p, e)
}

// submit hands an attempt to its pool. The partition is locked.
func (q *Queue) submit(j job) {
	q.prepare(j.partition, j.entry)
	q.poolOf(j.entry).submit(j)
}

// prepare takes an entry from what it waited for to an attempt. The partition is locked.
func (q *Queue) prepare(p *partition, e *entry) {
	e.phase = attempting
	if e.wake != e.deadline {
		p.reschedule(e, e.deadline)
	}
}

// ClockSteps is how often the wall clock was set since the queue was made.
func (q *Queue) ClockSteps() int { return q.time.wallSteps() }

// Idle waits until no attempt is being made or due now.
func (q *Queue) Idle() { q.busy.wait() }

// Close takes no more notifications, ends the attempts that are being made and waits for them. What is pending stays in
// the store, which Close leaves open.
func (q *Queue) Close() error {
	q.cancel()
	q.stopTimers()
	for _, p := range q.channels.all.Load().pools {
		p.close()
	}
	q.busy.wait()
	return nil
}
