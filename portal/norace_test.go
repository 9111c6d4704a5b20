//go:build !race

package portal_test

// Every removal is tried.
const step = 1
