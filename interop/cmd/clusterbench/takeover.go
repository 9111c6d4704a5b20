package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/interop/local"
)

// takeOver kills one node after the other, and measures how long it takes until the others own all partitions.
func (b bench) takeOver(ctx context.Context) error {
	c, err := b.start(ctx, 3)
	if err != nil {
		return err
	}
	defer c.Stop()
	var took []time.Duration
	for i := range b.takeovers {
		if err := owned(ctx, c.Nodes, true); err != nil {
			return err
		}
		dead := c.Nodes[i%len(c.Nodes)]
		killed := time.Now()
		dead.Stop(syscall.SIGKILL)
		var others []*local.Node
		for _, n := range c.Nodes {
			if n != dead {
				others = append(others, n)
			}
		}
		if err := owned(ctx, others, false); err != nil {
			return err
		}
		took = append(took, time.Since(killed))
		if err := dead.Start(); err != nil {
			return err
		}
		if err := c.Ready(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\n%d nodes of three killed, one after the other: until the others own all partitions\n\n| p50 | worst |\n|---|---|\n| %.2f s | %.2f s |\n",
		len(took), quantile(took, 0.5).Seconds(), quantile(took, 1).Seconds())
	return nil
}

// owned waits until nodes own all partitions, each some of them where that is wanted.
func owned(ctx context.Context, nodes []*local.Node, each bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		all, none := 0, false
		for _, n := range nodes {
			own := metric(ctx, n, "nudge_partitions_owned")
			all += own
			none = none || own < delivery.Partitions/len(nodes)
		}
		if all == delivery.Partitions && (!each || !none) {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d partitions are owned: %w", all, ctx.Err())
		}
	}
}

// metric reads a metric of a node; 0 where it does not answer.
func metric(ctx context.Context, n *local.Node, name string) (value int) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.OpsURL+"/metrics", nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			_, _ = fmt.Sscan(rest, &value)
		}
	}
	return value
}
