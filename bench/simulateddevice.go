package main

import (
	"context"
	"strconv"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// wasOnline tells whether a device was online for so long between two times that it had to be reached.
func (s *simulation) wasOnline(device int, from, to time.Time) bool {
	for at := from; at.Before(to); {
		next := s.next(device, at)
		if s.online(device, at) && earlier(next, to).Sub(at) > soon {
			return true
		}
		at = next
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// online tells whether a device has its stream open: so many of a hundred have, others in each stretch of time.
func (s *simulation) online(device int, at time.Time) bool {
	stretch := uint64(at.Unix()+s.offset(device)) / uint64(onlineFor/time.Second)
	return mixed(uint64(device)<<32^stretch)%100 < onlineShare
}

// next is when the stretch of time ends in which a device is online, or is not.
func (s *simulation) next(device int, at time.Time) time.Time {
	length := int64(onlineFor / time.Second)
	offset := s.offset(device)
	return time.Unix(((at.Unix()+offset)/length+1)*length-offset, 0)
}

// offset is by how much a device's stretches of time begin earlier than others', in seconds.
func (s *simulation) offset(device int) int64 {
	return int64(mixed(uint64(device)) % uint64(onlineFor/time.Second))
}

// mixed is a number as random as another one is not (splitmix64).
func mixed(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// simulatedChannel is the way to devices that are online or not.
type simulatedChannel struct{ *simulation }

func (c simulatedChannel) Present(d delivery.Device) bool {
	device, _ := strconv.Atoi(d.Identity)
	return c.online(device, c.clock.Now())
}

func (c simulatedChannel) Deliver(_ context.Context, a delivery.Attempt) delivery.Result {
	if !c.Present(a.Device) {
		return delivery.Waiting("it is offline")
	}
	now := c.clock.Now()
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.delivered++
	c.waited += now.Sub(a.Created)
	if !now.Before(a.Expires()) {
		c.late++
	}
	number, _ := strconv.ParseUint(a.SID[2:], 16, 64)
	if c.sent[number] {
		c.twice++
	}
	c.sent[number] = true
	return delivery.Done()
}
