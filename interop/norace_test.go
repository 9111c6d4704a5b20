//go:build !race

package interop_test

const seeds = 20
