package delivery

import (
	"hash/maphash"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A destination fails after as many failures in a row as this: its breaker opens.
const failuresToOpen = 5

// maxRemembered bounds how many destinations are remembered while nothing is sent to them.
const maxRemembered = 20_000

// destinationKey tells destinations apart: receivers by scheme, host and port, devices of a channel without addresses by
// themselves. It is a hash with a secret of the process, so that nobody can choose to share another's.
type destinationKey uint64

// destination is where a channel sends to, with what waits for it.
type destination struct {
	key destinationKey
	// urgent are jobs that are tried only once, jobs all others.
	urgent, jobs jobs
	// window is how many attempts may be under way, and active how many are.
	window, active int
	// queued notes that it has a turn, crowded that it waits for the last quarter of the workers.
	queued, crowded bool
	// works means that it took the last attempts.
	works bool
	// failures counts the failures in a row. From failuresToOpen on it is failing: one attempt at a time probes it, not
	// before probe, and the first one that it takes ends that.
	failures int
	failing  bool
	// failed is the device of the last failure: the next probe is of another one, so that nobody's own failure is everybody's.
	failed deviceKey
	// denied means that it does not take this server's credentials or settings, deniedOne that it may take others; deniedAt is when it
	// said so last.
	denied, deniedOne bool
	deniedAt          moment
	probe             moment
	// stopTimer ends the timer that is set for the next probe; nil when none is.
	stopTimer func()
}

func (d *destination) waiting() int { return len(d.urgent.list) + len(d.jobs.list) }

func (d *destination) pop() job {
	if len(d.urgent.list) > 0 {
		return d.urgent.pop()
	}
	if d.failing {
		d.jobs.first(func(j job) bool { return j.entry.device != d.failed })
	}
	return d.jobs.pop()
}

// learn draws its conclusions from an attempt. The pool is locked.
func (p *pool) learn(t turn, o outcome) {
	d := t.destination
	if o.attempted {
		p.learnCredentials(d, o)
	}
	switch {
	case !o.attempted:
		return
	case !o.failed():
		d.failures, d.works = 0, true
		d.window = min(2*d.window, p.maxWindow)
		if d.failing {
			// What waits is due now, and the next failure sets a timer of its own.
			d.failing = false
			d.endTimer()
			p.busy.begin(d.waiting())
			p.change(o, false)
		}
		return
	}
	if d.failing && !t.probe {
		// It was under way when the breaker opened, and says nothing new.
		return
	}
	d.failures++
	d.failed = t.job.entry.device
	d.window = max(d.window/2, 1)
	if d.failures < failuresToOpen {
		return
	}
	d.window, d.works = 1, false
	rest := Backoff(d.failures-failuresToOpen+1, 0.5)
	d.probe = p.time.now().add(max(rest, min(o.result.after, longestRest)))
	if d.failing {
		return
	}
	// What waits is not due before a probe gets through.
	d.failing = true
	p.busy.end(d.waiting())
	p.change(o, true)
}

// longestRest bounds for how long a destination can ask to be left alone.
const longestRest = 5 * time.Minute

// change is what a destination has begun: to fail, to work again, to refuse or to accept credentials.
type change struct {
	// address is the one that it was learnt from.
	address string
	event   EventType
	reason  string
}

func (p *pool) change(o outcome, failing bool) {
	if failing {
		p.failing++
	} else {
		p.failing--
	}
	event := EventDestinationWorks
	if failing {
		event = EventDestinationFails
	}
	p.tellLater(o, event)
}

// tellLater notes a change, to be told without the lock.
func (p *pool) tellLater(o outcome, event EventType) {
	p.changes = append(p.changes, change{o.address, event, o.result.reason})
}

// tell tells of the changes in their order, without the lock: one worker at a time.
func (p *pool) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.telling && len(p.changes) > 0 {
		changes := p.changes
		p.changes, p.telling = nil, true
		p.mu.Unlock()
		for _, c := range changes {
			p.changed(p.name, c)
		}
		p.mu.Lock()
		p.telling = false
	}
}

// postpone tells whether a failing destination has to wait for its next probe, and sets the timer for it. The pool is locked.
func (p *pool) postpone(d *destination) bool {
	// What is tried only once, at once, is a probe of its own.
	if !d.failing || len(d.urgent.list) > 0 {
		return false
	}
	wait := d.probe.sub(p.time.now())
	if wait <= 0 {
		return false
	}
	if d.stopTimer == nil && !p.closed {
		d.stopTimer = p.time.clock.AfterFunc(wait, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			// One that was ended and fires all the same does no harm: it is too early for a probe, and the next is set.
			if d.stopTimer = nil; p.closed {
				return
			}
			p.enqueue(d)
			p.start()
		})
	}
	return true
}

// close sets no timers any more, and ends those that are set.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, d := range p.destinations {
		d.endTimer()
	}
}

func (d *destination) endTimer() {
	if d.stopTimer != nil {
		d.stopTimer()
		d.stopTimer = nil
	}
}

// leave forgets a destination that has nothing to do, unless something was learnt of it that is worth its place. Devices
// of a channel without addresses are not worth one: they are many, and sending to them does not take time.
func (p *pool) leave(d *destination) {
	if d.active > 0 || d.waiting() > 0 || d.queued || d.crowded {
		return
	}
	_, devices := p.channel.(Presence)
	if learnt := d.works || d.failures > 0 || d.denied; !learnt || devices {
		delete(p.destinations, d.key)
		return
	}
	if len(p.destinations) <= maxRemembered {
		return
	}
	// Any other one that is idle makes its place: maps are gone through in any order.
	for key, other := range p.destinations {
		if other != d && other.active == 0 && other.waiting() == 0 {
			delete(p.destinations, key)
			if other.failing {
				p.failing--
			}
			return
		}
	}
}

// failingDestinations is how many destinations fail.
func (p *pool) failingDestinations() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failing
}

// fails tells whether a destination fails.
func (p *pool) fails(key destinationKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.destinations[key]
	return d != nil && d.failing
}

// DestinationOf names what receives at an address: scheme, host and port of a URL, in one spelling for each; nothing of a
// user, path or query. Any other address is its own name.
func DestinationOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case err == nil:
	case u.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return u.Scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port))
}

// keys tell where a notification goes, and for which device.
func (q *Queue) keys(n *Notification) (destinationKey, deviceKey) {
	device := maphash.Comparable(q.seed, n.Device)
	if n.Address == "" {
		return destinationKey(device), deviceKey(device)
	}
	name := destinationName(q.channelOf(n.Channel), n.Address)
	return destinationKey(maphash.String(q.seed, name)), deviceKey(device)
}

// jobs is a queue of jobs.
type jobs struct{ list []job }

func (q *jobs) push(j job) { q.list = append(q.list, j) }

func (q *jobs) pop() job {
	j := q.list[0]
	q.list[0] = job{}
	if q.list = q.list[1:]; len(q.list) == 0 {
		q.list = nil
	}
	return j
}

// lookedThrough bounds how many jobs are looked at for another one.
const lookedThrough = 1024

// first has a job that fits come next, if there is one near.
func (q *jobs) first(fits func(j job) bool) {
	for i := range min(len(q.list), lookedThrough) {
		if fits(q.list[i]) {
			q.list[0], q.list[i] = q.list[i], q.list[0]
			return
		}
	}
}

// forgetLast lets go of the notification of the last job.
func (q *jobs) forgetLast() {
	if n := len(q.list); n > 0 {
		q.list[n-1].notification = nil
	}
}
