// Package thin is for tests with long tables that start few goroutines. With the race detector a row takes ten times as
// long: one in Step shows whether there is a race, and make test tries all of them without it.
package thin
