// Command chaos loads a cluster on loopback while it breaks its processes, and judges what arrived.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nudgehq/nudge/interop/chaos"
	"github.com/nudgehq/nudge/interop/local"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run() error {
	duration := flag.Duration("for", 90*time.Second, "how long processes are broken")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "repeats the order of what is broken")
	module := flag.String("module", "..", "the folder of nudge's module")
	dir := flag.String("dir", "", "where the history, logs and stores are")
	calm := flag.Bool("calm", false, "break nothing")
	onlyStops := flag.Bool("only-stops", false, "only stop nodes, for longer than their lease")
	onlyPower := flag.Bool("only-power", false, "only cut the power of NATS servers")
	syncLate := flag.Bool("sync-late", false, "have NATS sync as late as by default, which loses something at a power cut")
	clockSteps := flag.Bool("clock-steps", false, "set the clocks of nodes too, for which everything is compiled anew (minutes)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := chaos.Options{For: *duration, Seed: *seed, Calm: *calm, OnlyStops: *onlyStops, OnlyPower: *onlyPower, SyncLate: *syncLate, ClockSteps: *clockSteps, Progress: func(text string) { fmt.Println(text) }}
	var err error
	if o.Module, err = filepath.Abs(*module); err != nil {
		return err
	}
	if o.Dir, err = filepath.Abs(*dir); err != nil || *dir == "" {
		return fmt.Errorf("-dir is needed: a folder for the history, logs and stores")
	}
	if disks, err := filepath.Glob(filepath.Join(o.Dir, "nats-*")); err == nil {
		// A run that was killed may have left one.
		for _, disk := range disks {
			local.Unmount(disk)
		}
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	fmt.Printf("seed %d, for %s\n", o.Seed, o.For)
	v, err := chaos.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("%d created, %d refused by the limit, %d without an answer or 503\n%d arrived, %d again, of which %d without a fault near by\n%d expired while their devices were away\n%d lost\n",
		v.Created, v.Refused, v.Unknown, v.Received, v.Repeated, v.Unexplained, v.Expired, v.Missing)
	for i, problem := range v.Problems {
		if i == 20 {
			fmt.Printf("and %d more\n", len(v.Problems)-i)
			break
		}
		fmt.Println("PROBLEM:", problem)
	}
	if len(v.Problems) > 0 {
		return fmt.Errorf("promises were broken: seed %d, history %s", o.Seed, filepath.Join(o.Dir, "history.jsonl"))
	}
	return nil
}
