package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// simulatedStore is a store that all nodes of a simulation share. It keeps what is pending and nothing else.
type simulatedStore struct {
	mu         sync.Mutex
	partitions [delivery.Partitions]map[string]delivery.Record
	devices    map[delivery.Device][]string
	// place is the partition of each pending notification.
	place map[string]int
}

func newSimulatedStore() *simulatedStore {
	s := &simulatedStore{devices: map[delivery.Device][]string{}, place: map[string]int{}}
	for p := range s.partitions {
		s.partitions[p] = map[string]delivery.Record{}
	}
	return s
}

func (s *simulatedStore) Add(_ context.Context, n delivery.Notification) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := delivery.PartitionOf(n.Device)
	s.partitions[p][n.SID] = delivery.Record{Notification: n, State: delivery.Pending}
	s.place[n.SID] = p
	s.devices[n.Device] = append(s.devices[n.Device], n.SID)
	return nil
}

func (s *simulatedStore) End(_ context.Context, records ...delivery.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		p, ok := s.place[r.SID]
		if !ok {
			return fmt.Errorf("%w: %s", delivery.ErrEnded, r.SID)
		}
		delete(s.partitions[p], r.SID)
		delete(s.place, r.SID)
		if left := slices.DeleteFunc(s.devices[r.Device], func(sid string) bool { return sid == r.SID }); len(left) == 0 {
			delete(s.devices, r.Device)
		} else {
			s.devices[r.Device] = left
		}
	}
	return nil
}

// some yields what pick gives of what is pending.
func (s *simulatedStore) some(pick func() []delivery.Record) iter.Seq2[delivery.Record, error] {
	return func(yield func(delivery.Record, error) bool) {
		s.mu.Lock()
		list := pick()
		s.mu.Unlock()
		slices.SortFunc(list, func(a, b delivery.Record) int { return a.Expires().Compare(b.Expires()) })
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *simulatedStore) PendingIn(_ context.Context, partition int) iter.Seq2[delivery.Record, error] {
	return s.some(func() (list []delivery.Record) {
		for _, r := range s.partitions[partition] {
			list = append(list, r)
		}
		return list
	})
}

func (s *simulatedStore) Pending(_ context.Context, from, to time.Time) iter.Seq2[delivery.Record, error] {
	return s.some(func() (list []delivery.Record) {
		for _, records := range s.partitions {
			for _, r := range records {
				if !r.Expires().Before(from) && (to.IsZero() || r.Expires().Before(to)) {
					list = append(list, r)
				}
			}
		}
		return list
	})
}

func (s *simulatedStore) DevicePending(_ context.Context, d delivery.Device, after delivery.Position) iter.Seq2[delivery.Record, error] {
	return s.some(func() (list []delivery.Record) {
		for _, sid := range s.devices[d] {
			if r := s.partitions[s.place[sid]][sid]; after.Before(delivery.PositionOf(r.Notification)) {
				list = append(list, r)
			}
		}
		return list
	})
}

func (s *simulatedStore) Find(_ context.Context, sid string) (delivery.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.place[sid]
	if !ok {
		return delivery.Record{}, delivery.ErrNotFound
	}
	return s.partitions[p][sid], nil
}

func (s *simulatedStore) FindOf(ctx context.Context, _ delivery.Device, sid string) (delivery.Record, error) {
	return s.Find(ctx, sid)
}

func (s *simulatedStore) Close() error { return nil }
