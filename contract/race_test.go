//go:build race

package contract_test

// One in so many servers and seeds is tried. With the race detector a run takes ten times as long: some
// show whether there is a race, and make test tries all of them without it.
const step = 10
