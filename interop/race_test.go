//go:build race

package interop_test

// With the race detector a run takes ten times as long: some seeds show whether there is a race, and make test tries all of
// them without it.
const seeds = 2
