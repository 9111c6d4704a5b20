package jetstream

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Compare has the nodes compare what has to be the same on all of them, such as files of settings: sums gives checksums by name, and
// is called once a beat. It is called before Run.
func (m *Membership) Compare(sums func() map[string]string) { m.sums = sums }

// sumUp keeps the checksums up to date. No heartbeat waits for it: a disk may hang.
func (m *Membership) sumUp(ctx context.Context) {
	ticker := time.NewTicker(m.timing.Beat)
	defer ticker.Stop()
	for {
		sums := m.sums()
		m.mu.Lock()
		m.own.Sums = sums
		m.mu.Unlock()
		m.compare(sums)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Differing gives the names of what is not the same on another node that is alive.
func (m *Membership) Differing() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.differing)
}

// compare looks what other nodes have otherwise, and says so when that changes.
func (m *Membership) compare(own map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var differing, others []string
	for _, name := range m.alive(time.Now()) {
		// A node of a version that says nothing differs in nothing.
		if node := m.nodes[name]; name != m.me && node != nil && node.sums != nil {
			names := unequal(own, node.sums)
			if differing = append(differing, names...); len(names) > 0 {
				others = append(others, name)
			}
		}
	}
	slices.Sort(differing)
	slices.Sort(others)
	differing = slices.Compact(differing)
	if slices.Equal(differing, m.differing) {
		return
	}
	m.differing = differing
	if len(differing) == 0 {
		m.store.options.Logger.Info("all nodes have the same settings again")
		return
	}
	m.store.options.Logger.Warn("another node has other settings than this one: "+strings.Join(differing, ", "), slog.Any("nodes", others))
}

// unequal are the names whose checksums are not the same.
func unequal(a, b map[string]string) (names []string) {
	for name, sum := range a {
		if b[name] != sum {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, has := a[name]; !has {
			names = append(names, name)
		}
	}
	return names
}
