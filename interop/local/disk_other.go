//go:build !linux

package local

import "errors"

func mountSmall(string, string) error { return errors.ErrUnsupported }

// Unmount ends what mountSmall began.
func Unmount(string) {}
