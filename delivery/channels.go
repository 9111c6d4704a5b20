package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// maxChannels is how many channels an entry can name.
const maxChannels = 10_000

// maxMissed bounds how many missing channels are told of.
const maxMissed = 255

// channels are the pools of a queue's channels. It grows when one is asked for that Config.Find gives.
type channels struct {
	// all is replaced, never changed; growing is locked by who does.
	all     atomic.Pointer[channelSet]
	growing sync.Mutex
	// burying lets one address be buried at a time.
	burying sync.Mutex
	// missed are the names that were asked for and are not there.
	missed map[string]bool
}

// channelSet has the pools by number, and the numbers by name. Number 0 is that of a channel which this server does not have.
type channelSet struct {
	pools   []*pool
	numbers map[string]uint16
}

// number gives the number of a channel's pool, which is made where Config.Find gives the channel.
func (q *Queue) number(name string) uint16 {
	if n, ok := q.channels.all.Load().numbers[name]; ok || q.config.Find == nil {
		return n
	}
	c := q.config.Find(name)
	if c == nil {
		return 0
	}
	return q.addChannel(name, c)
}

// addChannel makes a pool for a channel, unless it has one.
func (q *Queue) addChannel(name string, c Channel) uint16 {
	q.channels.growing.Lock()
	defer q.channels.growing.Unlock()
	old := q.channels.all.Load()
	if n, ok := old.numbers[name]; ok {
		return n
	}
	if len(old.pools) > maxChannels {
		q.config.Logger.Error("there were too many channels by other names since the start: a restart forgets them", slog.String("channel", name))
		return 0
	}
	set := &channelSet{pools: append(slices.Clone(old.pools), q.newPool(name, c)), numbers: maps.Clone(old.numbers)}
	number := uint16(len(old.pools))
	set.numbers[name] = number
	q.channels.all.Store(set)
	return number
}

// channelOf gives the channel with a name.
func (q *Queue) channelOf(name string) Channel {
	n := q.number(name)
	return q.channels.all.Load().pools[n].channel
}

// poolOf gives the pool of an entry's channel.
func (q *Queue) poolOf(e *entry) *pool { return q.channels.all.Load().pools[e.pool] }

// FailingDestinations is how many destinations of a channel fail, so that one attempt at a time probes each.
func (q *Queue) FailingDestinations(channel string) int {
	set := q.channels.all.Load()
	return set.pools[set.numbers[channel]].failingDestinations()
}

// Channels names the channels that have been used so far, in order.
func (q *Queue) Channels() []string { return slices.Sorted(maps.Keys(q.channels.all.Load().numbers)) }

// destinationName names where a channel sends what is for an address. A provider's addresses are secrets: none is a name.
func destinationName(c Channel, address string) string {
	if provider, ok := c.(Provider); ok {
		return provider.Destination(address)
	}
	return DestinationOf(address)
}

// noChannel stands for the channels that this server does not have. Where channels may come later, notifications wait for them.
type noChannel struct{ mayCome bool }

func (c noChannel) Deliver(_ context.Context, a Attempt) Result {
	reason := fmt.Sprintf("this server has no channel %.40q", a.Channel)
	if c.mayCome {
		return Missing(reason)
	}
	return Impossible(reason)
}

// missing tells once of each channel that notifications name and that is not there.
func (q *Queue) missing(name string) {
	q.channels.growing.Lock()
	defer q.channels.growing.Unlock()
	if q.channels.missed[name] || len(q.channels.missed) >= maxMissed {
		return
	}
	if q.channels.missed == nil {
		q.channels.missed = map[string]bool{}
	}
	q.channels.missed[name] = true
	q.config.Logger.Error("notifications wait for a channel that this server does not have", slog.String("channel", name))
}

// findPool gives an entry whose channel was not there another pool, if it is there by now. The partition is locked.
func (q *Queue) findPool(e *entry, n *Notification) {
	if e.pool != 0 || q.config.Find == nil {
		return
	}
	if e.pool = q.number(n.Channel); e.pool != 0 {
		e.destination, _ = q.keys(n)
		return
	}
	q.missing(n.Channel)
}
