//go:build !linux

package local

import "errors"

func makeDisk(string, string) error { return errors.ErrUnsupported }

func mount(string, string) error { return errors.ErrUnsupported }

func cutPower(string) error { return errors.ErrUnsupported }

// Fill makes a file that takes all the room that its disk has.
func Fill(string) error { return errors.ErrUnsupported }

// Unmount ends what makeDisk began.
func Unmount(string) {}
