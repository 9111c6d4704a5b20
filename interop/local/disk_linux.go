package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

// makeDisk makes an image a disk at a folder, which only root may.
func makeDisk(image, dir string) error {
	file, err := os.Create(image)
	if err != nil {
		return err
	}
	err = file.Truncate(diskSize)
	_ = file.Close()
	if err != nil {
		return err
	}
	if err := run("mkfs.ext4", "-q", "-F", image); err != nil {
		return err
	}
	return mount(image, dir)
}

func mount(image, dir string) error { return run("mount", "-o", "loop", image, dir) }

// Unmount ends what makeDisk began.
func Unmount(dir string) { _ = run("umount", "-l", dir) }

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// FS_IOC_SHUTDOWN of Linux, and its flag that nothing that waits to be written is (include/uapi/linux/fs.h, fs/ext4/ioctl.c).
const (
	shutdown    = 0x8004587d
	withoutSync = 2
)

// cutPower makes a disk lose what was not synced, and take nothing any more.
func cutPower(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	flags := uint32(withoutSync)
	if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, folder.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))); failed != 0 {
		return fmt.Errorf("cutting the power of %s: %w", dir, failed)
	}
	return nil
}

// Fill makes a file that takes all the room that its disk has.
func Fill(name string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	// By ever smaller pieces, each of which is given or not.
	var size int64
	for piece := int64(1 << 30); piece >= 4096; {
		switch err := syscall.Fallocate(int(file.Fd()), 0, size, piece); {
		case err == nil:
			size += piece
		case errors.Is(err, syscall.ENOSPC):
			piece /= 2
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
	if size == 0 {
		return errors.New("there was no room to be taken")
	}
	return nil
}
