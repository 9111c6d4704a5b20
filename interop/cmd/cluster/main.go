// Command cluster runs a cluster on loopback until it is interrupted: three NATS servers, three nudge nodes, and a balancer.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/nudgehq/nudge/interop/local"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 3 {
		return fmt.Errorf("usage: cluster MODULE DIR: the folder of nudge's module, and where stores and logs are")
	}
	module, err := filepath.Abs(os.Args[1])
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(os.Args[2])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	c, err := local.Start(ctx, local.Options{Dir: dir, Module: module})
	if err != nil {
		return err
	}
	defer c.Stop()
	fmt.Printf("A balancer before three nodes: %s\n", c.Balancer.URL())
	for _, n := range c.Nodes {
		fmt.Printf("  %s %s, operators: %s\n", n.Name, n.URL, n.OpsURL)
	}
	fmt.Printf("NATS: %s\nfor nudge challenges, accounts and migrate: NUDGE_STORE=%s\nanother node: NUDGE_DEVICE_KEY=%s NUDGE_WEBHOOK_SECRET=%s --account %s\n", c.Store, c.OperatorStore, local.DeviceKey, local.WebhookSecret, local.Account)
	fmt.Printf("Logs and stores, which are kept: %s\n\nTry it:\n  curl -u %s -d Ttl=150 \\\n    %s/v2/Services/VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Entities/ff483d1ff591898a9942916050d2ca3f/Challenges/YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Notifications\n",
		dir, local.Account, c.Balancer.URL())
	fmt.Printf("A device in the terminal:\n  %s device --url %s --service VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --identity ff483d1ff591898a9942916050d2ca3f --device-key %q\n\nCtrl-C ends it.\n",
		c.Program, c.Balancer.URL(), local.DeviceKey)
	<-ctx.Done()
	return nil
}
