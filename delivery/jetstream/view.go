package jetstream

import (
	"time"
)

// View is what a node knows of the cluster.
type View struct {
	// Node is this node's name; empty before it has joined.
	Node string `json:"node"`
	// Leased tells that it may act now, Lost that it had a lease, and has not.
	Leased bool `json:"leased"`
	Lost   bool `json:"lost,omitempty"`
	// Nodes are those that are alive, with how many partitions each owns.
	Nodes map[string]int `json:"nodes"`
	// Moving tells that what is pending is being moved to another store, and that nobody may own anything.
	Moving bool `json:"moving,omitempty"`
	// Unowned is how many partitions nobody owns.
	Unowned int `json:"unowned"`
}

// View says who is alive and owns how much.
func (m *Membership) View() View {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	v := View{Node: m.me, Leased: now.Before(m.until), Lost: m.lapsed, Moving: m.moves(now), Nodes: map[string]int{}}
	for _, name := range m.alive(now) {
		v.Nodes[name] = 0
	}
	if m.me != "" && !m.leaving {
		// It is alive, whatever the others see.
		v.Nodes[m.me] = 0
	}
	for _, c := range m.claims {
		if _, ok := v.Nodes[c.owner]; ok {
			v.Nodes[c.owner]++
		} else {
			v.Unowned++
		}
	}
	return v
}
