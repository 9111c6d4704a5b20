package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limit is how many notifications a challenge may have.
const Limit = 3

// late is how long after its TTL a receipt may be seen: the way to the device, and a busy machine. Where clocks are set wrong it is as
// much later.
const late = time.Second

// Verdict is what a history says.
type Verdict struct {
	// Created is how many were answered 201, Unknown how many got another answer or none, Refused how many the limit refused.
	Created, Unknown, Refused int
	// Received is how many notifications arrived, Repeated how often one arrived again, Unexplained how many of these came without
	// a fault near by, and Missing how many that were created have not arrived.
	Received, Repeated, Unexplained, Missing int
	// Expired is how many of devices that come and go did not arrive.
	Expired int
	// Problems are broken promises.
	Problems []string
}

// near is how long after a fault a repetition is its consequence: a take-over, and a leader that is chosen.
const near = 12 * time.Second

const (
	// lapsed is after which stop a node has no lease any more, and whatever it sends is another's; soon is how long after it goes on
	// it sends what it had in hand.
	lapsed = 4 * time.Second
	soon   = time.Second
)

// faults are what was broken, and when nodes went on that had been stopped for longer than their lease.
type faults struct {
	broken, awakened []time.Duration
	// late is how late a receipt may be.
	late time.Duration
}

func faultsOf(events []Event) (f faults) {
	f.late = late
	stopped := map[string]time.Duration{}
	for _, e := range events {
		if e.Kind != Fault {
			continue
		}
		f.broken = append(f.broken, e.At)
		if strings.HasPrefix(e.What, WrongClock) {
			f.late = late + maxStep
		}
		switch e.What {
		case Stopped:
			stopped[e.Who] = e.At
		case GoesOn:
			if since, ok := stopped[e.Who]; ok && strings.HasPrefix(e.Who, "n") && !strings.HasPrefix(e.Who, "nats") && e.At-since > lapsed {
				f.awakened = append(f.awakened, e.At)
			}
		}
	}
	return f
}

func within(at time.Duration, moments []time.Duration, d time.Duration) bool {
	return slices.ContainsFunc(moments, func(m time.Duration) bool { return m <= at && at-m < d })
}

// sent is what is known of a notification.
type sent struct {
	created  *Event
	received []Event
}

// Check judges a history: what was answered 201 arrives within its TTL, at a device that is there in the end; nothing arrives after
// its TTL; no challenge has more than its limit;
// nothing arrives that nobody created; and nothing again without a fault, or from a node that has lost its lease.
func Check(events []Event) Verdict {
	var v Verdict
	bySID, broken, ended := map[string]*sent{}, faultsOf(events), false
	of := func(sid string) *sent {
		if bySID[sid] == nil {
			bySID[sid] = &sent{}
		}
		return bySID[sid]
	}
	asked := map[string][]Event{}
	for i, e := range events {
		switch e.Kind {
		case Created:
			asked[e.Challenge] = append(asked[e.Challenge], e)
			switch e.Status {
			case 201:
				v.Created++
				of(e.SID).created = &events[i]
			case 429:
				v.Refused++
			default:
				v.Unknown++
			}
		case Received:
			n := of(e.SID)
			n.received = append(n.received, e)
		case Ended:
			ended = true
		}
	}
	if !ended {
		v.Problems = append(v.Problems, "the history has no end")
	}
	byChallenge := map[string]int{}
	for sid, n := range bySID {
		v.judge(sid, n, asked, broken, byChallenge)
	}
	for challenge, count := range byChallenge {
		if count > Limit {
			v.Problems = append(v.Problems, fmt.Sprintf("%s has %d notifications", challenge, count))
		}
	}
	slices.Sort(v.Problems)
	return v
}

// judge judges one notification.
func (v *Verdict) judge(sid string, n *sent, asked map[string][]Event, broken faults, byChallenge map[string]int) {
	var challenge string
	if n.created != nil {
		challenge = n.created.Challenge
	} else {
		challenge = n.received[0].Challenge
	}
	byChallenge[challenge]++
	if len(n.received) == 0 {
		if n.created.TTL > 0 && n.created.Brief {
			v.Expired++
		} else if n.created.TTL > 0 {
			v.Missing++
			v.Problems = append(v.Problems, fmt.Sprintf("%s was answered 201 at %v, and never arrived", sid, n.created.At))
		}
		return
	}
	v.Received++
	first, last := n.received[0], n.received[len(n.received)-1]
	// One that was answered nothing may be any request of its challenge.
	requests := asked[challenge]
	if n.created != nil {
		requests = []Event{*n.created}
	}
	var latest time.Duration
	for _, request := range requests {
		if request.Sent <= first.At {
			latest = max(latest, request.At+request.TTL)
		}
	}
	switch {
	case latest == 0:
		v.Problems = append(v.Problems, fmt.Sprintf("%s arrived at %v, and nobody had created it", sid, first.At))
	case n.created != nil && n.created.TTL > 0 && first.At > n.created.At+n.created.TTL+broken.late, last.At > latest+broken.late && (n.created == nil || n.created.TTL > 0):
		v.Problems = append(v.Problems, fmt.Sprintf("%s arrived at %v, after its TTL had elapsed at %v", sid, last.At, latest))
	}
	for _, again := range n.received[1:] {
		v.Repeated++
		switch {
		case !within(again.At, broken.broken, near):
			v.Unexplained++
			v.Problems = append(v.Problems, fmt.Sprintf("%s arrived at %v and again at %v, and nothing had failed", sid, first.At, again.At))
		case within(again.At, broken.awakened, soon) && again.At-first.At > soon:
			v.Unexplained++
			v.Problems = append(v.Problems, fmt.Sprintf("%s arrived at %v and again at %v, just as a node went on that had lost its lease", sid, first.At, again.At))
		}
	}
}
