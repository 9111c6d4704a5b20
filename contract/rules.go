package contract

import (
	"net/http"
	"slices"
)

// strictGroups are the groups of cases that are about more than documents and HTTP's standard say: they belong to the strict
// rules.
var strictGroups = map[string]bool{"fields": true, "smuggling": true, "echo": true, "sizes": true, "media types": true, "repetition": true}

// inOrder puts the cases of a run into the order of a thing's life: what makes it first, what ends it last.
func inOrder(cases []Case) {
	rank := map[string]int{http.MethodPost: 0, http.MethodPut: 2, http.MethodDelete: 3}
	slices.SortStableFunc(cases, func(a, b Case) int {
		of := func(c Case) int {
			if c.life != nil {
				// While nothing is there that it could be in the way of.
				return -1
			}
			if n, ok := rank[c.operation.Method]; ok {
				return n
			}
			return 1
		}
		return of(a) - of(b)
	})
}
