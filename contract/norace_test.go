//go:build !race

package contract_test

// Every server and seed is tried.
const step = 1
