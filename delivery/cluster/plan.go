package cluster

import (
	"cmp"
	"slices"

	"github.com/nudgehq/nudge/delivery"
)

// Owners are the nodes that own the partitions, by partition; "" is nobody.
type Owners [delivery.Partitions]string

// Plan says which node should own which partition, given the nodes that are alive and who owns what: as even a share for each as
// there is, and as few moves as possible. Nodes that see the same plan the same.
func Plan(nodes []string, owners Owners) Owners {
	var plan Owners
	if len(nodes) == 0 {
		return plan
	}
	nodes = slices.Clone(nodes)
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	has := map[string]int{}
	for _, owner := range owners {
		has[owner]++
	}
	// Who has most keeps one more, where the shares are not even.
	byLoad := slices.Clone(nodes)
	slices.SortStableFunc(byLoad, func(a, b string) int { return cmp.Compare(has[b], has[a]) })
	share := map[string]int{}
	for i, node := range byLoad {
		share[node] = delivery.Partitions / len(nodes)
		if i < delivery.Partitions%len(nodes) {
			share[node]++
		}
	}
	for p, owner := range owners {
		if share[owner] > 0 {
			plan[p] = owner
			share[owner]--
		}
	}
	for p, owner := range plan {
		if owner == "" {
			// The first of those that lack most.
			node := slices.MaxFunc(nodes, func(a, b string) int { return cmp.Or(cmp.Compare(share[a], share[b]), -cmp.Compare(a, b)) })
			plan[p] = node
			share[node]--
		}
	}
	return plan
}
