// Command clusterbench measures a cluster on loopback: take-overs, rolling restarts under load, and what nodes and streams add.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/nudgehq/nudge/interop/local"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "clusterbench:", err)
		os.Exit(1)
	}
}

// bench is what all measures need.
type bench struct {
	module, dir string
	takeovers   int
	load        time.Duration
}

func run() error {
	module := flag.String("module", "..", "the folder of nudge's module")
	dir := flag.String("dir", "", "where logs and stores are; it is emptied")
	only := flag.String("only", "", "takeover, rolling or scaling alone")
	takeovers := flag.Int("takeovers", 20, "how many nodes are killed")
	load := flag.Duration("load", 10*time.Second, "how long each number of nodes and streams is loaded")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := bench{takeovers: *takeovers, load: *load}
	var err error
	if b.module, err = filepath.Abs(*module); err != nil {
		return err
	}
	if b.dir, err = filepath.Abs(*dir); err != nil || *dir == "" {
		return fmt.Errorf("-dir is needed: a folder for logs and stores")
	}
	for _, measure := range []struct {
		name string
		of   func(context.Context) error
	}{{"takeover", b.takeOver}, {"rolling", b.rolling}, {"scaling", b.scaling}} {
		if *only != "" && *only != measure.name {
			continue
		}
		if err := measure.of(ctx); err != nil {
			return fmt.Errorf("%s: %w", measure.name, err)
		}
	}
	return nil
}

// start starts a cluster in an empty folder.
func (b bench) start(ctx context.Context, nodes int, flags ...string) (*local.Cluster, error) {
	for _, old := range []string{"nats-a", "nats-b", "nats-c"} {
		if err := os.RemoveAll(filepath.Join(b.dir, old)); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	return local.Start(ctx, local.Options{Dir: b.dir, Module: b.module, Nodes: nodes, Flags: append([]string{"--no-access-log", "--webhook-allow-private"}, flags...)})
}

// quantile is the value that a part of them does not exceed.
func quantile(values []time.Duration, part float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(int(part*float64(len(values))), len(values)-1)]
}
