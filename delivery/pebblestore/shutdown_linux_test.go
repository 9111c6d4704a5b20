package pebblestore_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/pebblestore"
)

// What ext4's shutdown does when it is asked to drop everything that is not on the disk yet, journal included: linux/ext4.h.
const (
	ext4Shutdown    = 0x8004587d
	shutdownDropAll = 2
)

// A real file system whose power is cut under load keeps everything that was acknowledged.
func TestPowerCutOfARealFileSystem(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: cutting the power of a file system needs root")
	}
	dir := t.TempDir()
	image, mount := filepath.Join(dir, "image"), filepath.Join(dir, "mount")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 256<<20); err != nil {
		t.Fatal(err)
	}
	do := func(name string, args ...string) (string, bool) {
		out, err := exec.Command(name, args...).CombinedOutput()
		return string(out), err == nil
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, mount}} {
		if out, ok := do(command[0], command[1:]...); !ok {
			t.Skipf("NOT TESTED: %v does not work here: %s", command, out)
		}
	}
	defer do("umount", "--lazy", mount)

	data := filepath.Join(mount, "data")
	for range 5 {
		// The writer is a process of its own: what it has open keeps the file system busy.
		writer := exec.Command(os.Args[0], "-test.run=^TestWriterForPowerCut$", "-test.v")
		writer.Env = append(os.Environ(), writerDir+"="+data)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		var acknowledged []int
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var i int
			if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &i); err != nil {
				continue
			}
			// What is said while the power is being cut cannot be judged: the kernel's shutdown takes a moment, in which a
			// sync can still seem to succeed. What was said before must be there.
			if len(acknowledged) < 300 {
				if acknowledged = append(acknowledged, i); len(acknowledged) == 300 {
					cutPower(t, mount)
					_ = writer.Process.Kill()
				}
			}
		}
		_ = writer.Wait()
		if len(acknowledged) < 300 {
			t.Fatalf("only %d were acknowledged", len(acknowledged))
		}
		for _, command := range [][]string{{"umount", mount}, {"mount", "-o", "loop", image, mount}} {
			if out, ok := do(command[0], command[1:]...); !ok {
				t.Fatalf("%v: %s", command, out)
			}
		}
		s, err := pebblestore.Open(data, pebblestore.Options{MinFree: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range acknowledged {
			if _, err := s.Find(t.Context(), deliverytest.Notification(i).SID); err != nil {
				t.Errorf("notification %d was acknowledged and is lost: %v", i, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writerDir names the directory in the environment of the process that writes while the power is cut.
const writerDir = "NUDGE_TEST_POWER_CUT"

// TestWriterForPowerCut is that process; by itself it does nothing.
func TestWriterForPowerCut(t *testing.T) {
	dir := os.Getenv(writerDir)
	if dir == "" {
		return
	}
	s, err := pebblestore.Open(dir, pebblestore.Options{MinFree: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := worker; s.Add(t.Context(), deliverytest.Notification(i)) == nil; i += 8 {
				_, _ = fmt.Fprintf(os.Stdout, "acknowledged %d\n", i)
			}
		})
	}
	group.Wait()
}

func cutPower(t *testing.T, mount string) {
	t.Helper()
	f, err := os.Open(mount)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	flags := uint32(shutdownDropAll)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		t.Fatal(errno)
	}
}
