package main

import (
	"fmt"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/channels"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/device"
)

// subscriber takes subscriptions of browsers for the first channel of Web Push.
type subscriber struct {
	push          *channels.File
	subscriptions *challenges.Subscriptions
}

// takesSubscriptions gives what takes them; nil where addresses come from elsewhere.
func takesSubscriptions(push *channels.File, subscriptions *challenges.Subscriptions) device.Push {
	if push == nil || subscriptions == nil {
		return nil
	}
	return subscriber{push, subscriptions}
}

// channel names the channel that browsers subscribe to; empty where there is none.
func (s subscriber) channel() string {
	for _, name := range s.push.Names() {
		if s.push.Kind(name) == channels.KindWebPush {
			return name
		}
	}
	return ""
}

// Key is what browsers subscribe with.
func (s subscriber) Key() string { return s.push.VAPIDKey(s.channel()) }

// Subscribe has a device's notifications sent to its push service.
func (s subscriber) Subscribe(d delivery.Device, subscription string) error {
	channel := s.channel()
	if err := s.push.Check(channel, subscription); err != nil {
		return fmt.Errorf("the subscription is not taken: %w", err)
	}
	s.subscriptions.Put(d, channel, subscription)
	return nil
}

// Unsubscribe ends that.
func (s subscriber) Unsubscribe(d delivery.Device) { s.subscriptions.Remove(d) }
