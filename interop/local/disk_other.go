//go:build !linux

package local

import "errors"

func makeDisk(string, string) error { return errors.ErrUnsupported }

func mount(string, string) error { return errors.ErrUnsupported }

func cutPower(string) error { return errors.ErrUnsupported }

// Unmount ends what makeDisk began.
func Unmount(string) {}
