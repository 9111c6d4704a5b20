package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// scaling loads clusters of some nodes and streams as fast as 32 callers can.
func (b bench) scaling(ctx context.Context) error {
	fmt.Print("\n32 callers, as fast as they can, every notification delivered by a webhook; all on this machine\n\n| nodes | streams | created/s | delivered/s | ms of processor each: nudge | NATS | bytes each, on each server | MB a node |\n|---|---|---|---|---|---|---|---|\n")
	for _, size := range []struct{ nodes, streams int }{{1, 4}, {2, 4}, {3, 4}, {3, 1}, {3, 8}} {
		if err := b.scale(ctx, size.nodes, size.streams); err != nil {
			return err
		}
	}
	return nil
}

func (b bench) scale(ctx context.Context, nodes, streams int) error {
	l := newLoad()
	defer l.receiver.Close()
	c, err := b.start(ctx, nodes, "--device", "webhook="+l.receiver.URL, "--nats-streams", strconv.Itoa(streams))
	if err != nil {
		return err
	}
	defer c.Stop()
	l.base = c.Balancer.URL()
	var nodePIDs, serverPIDs []int
	for _, n := range c.Nodes {
		nodePIDs = append(nodePIDs, n.PID())
	}
	for _, p := range c.NATS {
		serverPIDs = append(serverPIDs, p.PID())
	}
	stored := size(b.dir)
	nodeTime, serverTime := processor(nodePIDs), processor(serverPIDs)
	loading, stop := context.WithTimeout(ctx, b.load)
	defer stop()
	begin := time.Now()
	l.run(loading, 32, 0)
	created, arrived, took := l.created.Load(), l.arrivals.Load(), time.Since(begin).Seconds()
	missing := l.missing(ctx)
	each := func(d time.Duration) float64 { return ms(d) / float64(created) }
	fmt.Printf("| %d | %d | %.0f | %.0f | %.2f | %.2f | %d | %d |\n", nodes, streams, float64(created)/took, float64(arrived)/took,
		each(processor(nodePIDs)-nodeTime), each(processor(serverPIDs)-serverTime), (size(b.dir)-stored)/created/3, memory(nodePIDs)/int64(nodes)>>20)
	if missing > 0 {
		return fmt.Errorf("%d of %d were not delivered", missing, created)
	}
	return nil
}

// processor is the time that processes have used.
func processor(pids []int) (all time.Duration) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 13 {
			continue
		}
		for _, text := range fields[11:13] {
			ticks, _ := strconv.ParseInt(text, 10, 64)
			all += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return all
}

// memory is what processes have in memory, in bytes.
func memory(pids []int) (all int64) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if fields := strings.Fields(string(data)); err == nil && len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			all += pages * int64(os.Getpagesize())
		}
	}
	return all
}

// size is how large the servers' stores are, in bytes.
func size(dir string) (all int64) {
	stores, _ := filepath.Glob(filepath.Join(dir, "nats-[abc]"))
	for _, store := range stores {
		_ = filepath.WalkDir(store, func(_ string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil
			}
			if info, err := entry.Info(); err == nil {
				all += info.Size()
			}
			return nil
		})
	}
	return all
}
