//go:build !unix || solaris || aix

package pebblestore

import "io"

// lockDirectory does nothing where directories cannot be locked; the library's file LOCK remains.
func lockDirectory(string) (io.Closer, error) { return io.NopCloser(nil), nil }
