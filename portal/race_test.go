//go:build race

package portal_test

// One in so many removals is tried: they start no goroutines, take ten times as long with the race detector, and make test
// tries all of them without it.
const step = 5
