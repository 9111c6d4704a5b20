package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// errMoveLost means that nodes may own partitions again.
var errMoveLost = errors.New("jetstream: the servers did not hear of the move for too long, and nodes may go on; move again")

// BeginMove keeps nodes from owning anything until end: those that start meanwhile wait, and whoever is silent is declared dead. The
// context is done when nodes may own something again. The error says which nodes run, or that another move does.
func (s *Store) BeginMove(ctx context.Context, timing Timing) (moving context.Context, end func(), err error) {
	subject := s.nodeSubject(fmt.Sprintf("move-%d", time.Now().UnixMilli()))
	data, err := json.Marshal(status{Moving: true})
	if err != nil {
		return nil, nil, err
	}
	last, err := s.publish(ctx, subject, "", 0, data, heartbeatKept)
	if err != nil {
		return nil, nil, fmt.Errorf("jetstream: the servers take no write: %w", err)
	}
	moving, cancel := context.WithCancelCause(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		for heard := time.Now(); ; {
			if sleep(moving, timing.Beat) != nil {
				return
			}
			sent := time.Now()
			sequence, err := s.publish(moving, subject, "", last, data, heartbeatKept)
			switch {
			case err == nil:
				last, heard = sequence, sent
			case verdictOf(err) == stale || time.Since(heard) > timing.Lease:
				cancel(errMoveLost)
				return
			}
		}
	})
	end = func() {
		cancel(nil)
		beating.Wait()
		dead, _ := json.Marshal(status{Dead: true})
		_, _ = s.publish(context.WithoutCancel(ctx), subject, "", last, dead, heartbeatKept)
	}
	if err := s.declareDead(moving, timing, strings.TrimPrefix(subject, s.nodeSubject(""))); err != nil {
		end()
		return nil, nil, err
	}
	return moving, end, nil
}

// declareDead waits until every node must have seen the move, and declares dead who is silent. The error says who is not.
func (s *Store) declareDead(ctx context.Context, timing Timing, own string) error {
	before, err := s.alive(ctx)
	if err != nil {
		return err
	}
	if err := sleep(ctx, timing.Silence+timing.Beat/2); err != nil {
		return err
	}
	after, err := s.alive(ctx)
	if err != nil {
		return err
	}
	var running []string
	dead, err := json.Marshal(status{Dead: true})
	if err != nil {
		return err
	}
	for name, sequence := range after {
		if name == own {
			continue
		}
		if sequence == before[name] {
			// One that goes on now is refused, and lets go of what it owned.
			_, err = s.publish(ctx, s.nodeSubject(name), "", sequence, dead, heartbeatKept)
		}
		if sequence > before[name] || verdictOf(err) == stale && err != nil {
			running = append(running, name)
		} else if err != nil {
			return err
		}
	}
	if len(running) > 0 {
		slices.Sort(running)
		return fmt.Errorf("nodes use it, and have to be stopped first: %s", strings.Join(running, ", "))
	}
	return nil
}

// alive gives the last heartbeats of those that are not dead.
func (s *Store) alive(ctx context.Context) (map[string]uint64, error) {
	last := map[string]uint64{}
	r := &reader{js: s.js, stream: s.membersStream(), filter: s.members("n.*")}
	err := r.all(ctx, func(m message) bool {
		var said status
		name := strings.TrimPrefix(m.subject, s.nodeSubject(""))
		if json.Unmarshal(m.data, &said) == nil && !said.Dead {
			last[name] = m.sequence
		} else {
			delete(last, name)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("jetstream: reading which nodes run: %w", err)
	}
	return last, nil
}
