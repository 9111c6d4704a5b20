//go:build race

package thin

// Step is how many rows of a long table there are to one that is tried.
const Step = 10
