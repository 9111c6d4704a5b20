package local

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// diskSize is how large the disk of a server is, in bytes: an image of which only what is written takes room. It is enough for some hours.
const diskSize = 4 << 30

// disk is a NATS server's own, which can be filled and whose power can be cut.
type disk struct{ image, dir string }

// disks gives each server a disk of its own, where that can be done: on Linux, as root.
func (c *Cluster) disks(dir string) error {
	for _, name := range natsNames {
		d := disk{image: filepath.Join(dir, name+".img"), dir: filepath.Join(dir, "nats-"+name)}
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			return err
		}
		if err := makeDisk(d.image, d.dir); err != nil {
			c.NoDisks = err
			c.unmount()
			return nil
		}
		c.mounted = append(c.mounted, d)
	}
	return nil
}

func (c *Cluster) unmount() {
	for _, d := range c.mounted {
		Unmount(d.dir)
	}
	c.mounted = nil
}

// HasDisks tells whether the servers have disks of their own.
func (c *Cluster) HasDisks() bool { return len(c.mounted) > 0 }

// Disk is the folder of a server's disk.
func (c *Cluster) Disk(server int) string { return c.mounted[server].dir }

// CutPower cuts the power of servers, all at the same moment: what they had not synced is lost. PowerOn lets each run again.
func (c *Cluster) CutPower(servers ...int) error {
	var failed error
	for _, i := range servers {
		failed = errors.Join(failed, cutPower(c.mounted[i].dir))
	}
	for _, i := range servers {
		c.NATS[i].Stop(syscall.SIGKILL)
		Unmount(c.mounted[i].dir)
	}
	return failed
}

// PowerOn starts a server whose power was cut.
func (c *Cluster) PowerOn(server int) error {
	d := c.mounted[server]
	if err := mount(d.image, d.dir); err != nil {
		return err
	}
	return c.NATS[server].Start()
}
