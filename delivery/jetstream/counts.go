package jetstream

// Counts are what has happened since the start.
type Counts struct {
	// Taken are the partitions that this node took, and TakenOver those of them whose owner was dead.
	Taken, TakenOver int
	// Dead are the nodes that this one declared dead, LeasesLost how often its own lease ran out.
	Dead, LeasesLost int
	// Refused are writes of claims, heartbeats and outcomes that were refused because another node was first.
	Refused int
}

// Counts gives them.
func (m *Membership) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := m.counts
	counts.Refused += int(m.store.refused.Load())
	return counts
}

// count counts something.
func (m *Membership) count(what *int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*what++
}

// lapse notes that the lease has run out; it tells whether that is new. It is locked.
func (m *Membership) lapse() bool {
	if m.lapsed {
		return false
	}
	m.lapsed = true
	m.counts.LeasesLost++
	return true
}

// Behind is how many messages the taken partition that is furthest behind has still to read.
func (s *Store) Behind() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var most uint64
	for _, r := range s.readers {
		most = max(most, r.pending.Load())
	}
	return int(most)
}
