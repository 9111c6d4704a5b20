package chaos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/interop/chaos"
)

// Each rule is broken by a history, and found.
func TestCheck(t *testing.T) {
	const s = time.Second
	create := func(sid, challenge string, at, ttl time.Duration, status int) chaos.Event {
		return chaos.Event{Kind: chaos.Created, Sent: at, At: at + 10*time.Millisecond, SID: sid, Challenge: challenge, TTL: ttl, Status: status}
	}
	brief := func(sid, challenge string, at, ttl time.Duration) chaos.Event {
		e := create(sid, challenge, at, ttl, 201)
		e.Brief = true
		return e
	}
	receive := func(sid, challenge string, at time.Duration) chaos.Event {
		return chaos.Event{Kind: chaos.Received, At: at, SID: sid, Challenge: challenge}
	}
	fault := func(at time.Duration) chaos.Event { return chaos.Event{Kind: chaos.Fault, At: at} }
	stop := func(at time.Duration) chaos.Event {
		return chaos.Event{Kind: chaos.Fault, At: at, Who: "n1", What: chaos.Stopped}
	}
	goOn := func(at time.Duration) chaos.Event {
		return chaos.Event{Kind: chaos.Fault, At: at, Who: "n1", What: chaos.GoesOn}
	}
	ended := chaos.Event{Kind: chaos.Ended, At: 100 * s}
	for _, row := range []struct {
		name   string
		events []chaos.Event
		// says is the one problem; empty for none.
		says string
	}{
		{name: "all is well", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 2*s), ended}},
		{name: "before its answer", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 1*s+time.Millisecond), ended}},
		{name: "lost", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), ended}, says: "never arrived"},
		{name: "one of TTL 0 may be lost", events: []chaos.Event{create("a", "c", 1*s, 0, 201), ended}},
		{name: "away until its TTL", events: []chaos.Event{brief("a", "c", 1*s, 5*s), ended}},
		{name: "there too late", events: []chaos.Event{brief("a", "c", 1*s, 5*s), receive("a", "c", 8*s), ended}, says: "after its TTL"},
		{name: "as late as a clock is wrong", events: []chaos.Event{
			brief("a", "c", 1*s, 5*s), {Kind: chaos.Fault, At: 2 * s, Who: "n1", What: chaos.WrongClock + "-30s"}, receive("a", "c", 8*s), ended,
		}},
		{name: "too late", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 63*s), ended}, says: "after its TTL"},
		{name: "again, too late", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 2*s), fault(60 * s), receive("a", "c", 63*s), ended}, says: "after its TTL"},
		{name: "without an answer, and stored", events: []chaos.Event{create("", "c", 1*s, 60*s, 503), receive("a", "c", 2*s), ended}},
		{name: "without an answer, and too late", events: []chaos.Event{create("", "c", 1*s, 60*s, 0), receive("a", "c", 90*s), ended}, says: "after its TTL"},
		{name: "out of nothing", events: []chaos.Event{receive("a", "c", 90*s), ended}, says: "nobody had created it"},
		{name: "before it was asked for", events: []chaos.Event{create("a", "c", 5*s, 60*s, 201), receive("a", "c", 4*s), ended}, says: "nobody had created it"},
		{name: "again after a fault", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 2*s), fault(3 * s), receive("a", "c", 7*s), ended}},
		{name: "again long after a fault", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 2*s), fault(3 * s), receive("a", "c", 16*s), ended}, says: "nothing had failed"},
		{name: "again without a fault", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 2*s), receive("a", "c", 7*s), ended}, says: "nothing had failed"},
		{name: "again from who lost its lease", events: []chaos.Event{
			create("a", "c", 1*s, 60*s, 201), stop(2 * s), receive("a", "c", 6*s), goOn(8 * s), receive("a", "c", 8*s+50*time.Millisecond), ended,
		}, says: "lost its lease"},
		{name: "again after a short stop", events: []chaos.Event{
			create("a", "c", 1*s, 60*s, 201), receive("a", "c", 2*s), stop(2 * s), goOn(4 * s), receive("a", "c", 4*s+50*time.Millisecond), ended,
		}},
		{name: "one too many", events: []chaos.Event{
			create("a", "c", 1*s, 60*s, 201), create("b", "c", 1*s, 60*s, 201), create("", "c", 1*s, 60*s, 503), create("d", "c", 1*s, 60*s, 201),
			receive("a", "c", 2*s), receive("b", "c", 2*s), receive("x", "c", 2*s), receive("d", "c", 2*s), ended,
		}, says: "c has 4 notifications"},
		{name: "the limit refuses", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), create("", "c", 1*s, 60*s, 429), receive("a", "c", 2*s), ended}},
		{name: "no end", events: []chaos.Event{create("a", "c", 1*s, 60*s, 201), receive("a", "c", 2*s)}, says: "no end"},
	} {
		t.Run(row.name, func(t *testing.T) {
			problems := chaos.Check(row.events).Problems
			if row.says == "" && len(problems) > 0 || row.says != "" && (len(problems) != 1 || !strings.Contains(problems[0], row.says)) {
				t.Errorf("problems: %q, want %q", problems, row.says)
			}
		})
	}
}
