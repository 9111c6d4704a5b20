package cluster_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/cluster"
)

// Nodes come and go: shares are even, and no more moves than have to.
func TestPlan(t *testing.T) {
	var owners cluster.Owners
	for _, row := range []struct {
		name  string
		nodes []string
		// moved is how many partitions change hands.
		moved int
	}{
		{name: "the first takes all", nodes: []string{"a"}, moved: 64},
		{name: "nothing changes", nodes: []string{"a"}, moved: 0},
		{name: "a second gets half", nodes: []string{"b", "a"}, moved: 32},
		{name: "a third gets a third", nodes: []string{"a", "b", "c"}, moved: 21},
		{name: "one is replaced", nodes: []string{"a", "c", "d"}, moved: 21},
		{name: "one goes", nodes: []string{"a", "c"}, moved: 21},
		{name: "nobody is left", nodes: nil, moved: 64},
		{name: "many come at once", nodes: names(100), moved: 64},
		{name: "and go", nodes: names(3), moved: 61},
	} {
		t.Run(row.name, func(t *testing.T) {
			plan := cluster.Plan(row.nodes, owners)
			moved, has := 0, map[string]int{}
			for p := range plan {
				if plan[p] != owners[p] {
					moved++
				}
				has[plan[p]]++
			}
			if moved != row.moved {
				t.Errorf("%d moved, want %d", moved, row.moved)
			}
			for _, node := range row.nodes {
				if even := delivery.Partitions / len(row.nodes); has[node] != even && has[node] != even+1 {
					t.Errorf("%s has %d", node, has[node])
				}
			}
			backwards := slices.Clone(row.nodes)
			slices.Reverse(backwards)
			if cluster.Plan(backwards, owners) != plan {
				t.Error("another order gives another plan")
			}
			if cluster.Plan(row.nodes, plan) != plan {
				t.Error("the plan is not its own plan")
			}
			owners = plan
		})
	}
}

func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("n%03d", i))
	}
	return list
}
