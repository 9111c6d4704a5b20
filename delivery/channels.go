package delivery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// maxChannels is how many channels an entry can name.
const maxChannels = 255

// channels are the pools of a queue's channels. It grows when one is asked for that Config.Find gives.
type channels struct {
	// all is replaced, never changed; growing is locked by who does.
	all     atomic.Pointer[channelSet]
	growing sync.Mutex
}

// channelSet has the pools by number, and the numbers by name. Number 0 is that of a channel which this server does not have.
type channelSet struct {
	pools   []*pool
	numbers map[string]uint8
}

// number gives the number of a channel's pool, which is made where Config.Find gives the channel.
func (q *Queue) number(name string) uint8 {
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
func (q *Queue) addChannel(name string, c Channel) uint8 {
	q.channels.growing.Lock()
	defer q.channels.growing.Unlock()
	old := q.channels.all.Load()
	if n, ok := old.numbers[name]; ok {
		return n
	}
	if len(old.pools) > maxChannels {
		return 0
	}
	set := &channelSet{pools: append(slices.Clone(old.pools), q.newPool(name, c)), numbers: maps.Clone(old.numbers)}
	number := uint8(len(old.pools))
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

// destinationName names where a channel sends what is for an address.
func destinationName(c Channel, address string) string {
	if provider, ok := c.(Provider); ok {
		if name := provider.Destination(address); name != "" {
			return name
		}
	}
	return DestinationOf(address)
}

// noChannel stands for the channels that this server does not have.
type noChannel struct{}

func (noChannel) Deliver(_ context.Context, a Attempt) Result {
	return Gone(fmt.Sprintf("this server has no channel %.40q", a.Channel))
}
