package local

import "syscall"

// mountSmall makes a folder a disk of its own, which only root may.
func mountSmall(dir, size string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
}

// Unmount ends what mountSmall began.
func Unmount(dir string) { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }
