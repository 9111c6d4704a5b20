package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// serverCatchesUp is how long a NATS server that was restarted is given until the next one is.
const serverCatchesUp = 8 * time.Second

// rolling restarts all nodes and then all servers, one after the other, while callers create.
func (b bench) rolling(ctx context.Context) error {
	l := newLoad()
	defer l.receiver.Close()
	c, err := b.start(ctx, 3, "--device", "webhook="+l.receiver.URL)
	if err != nil {
		return err
	}
	defer c.Stop()
	l.base = c.Balancer.URL()
	calling, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(calling, 10, 10)
	}()
	fmt.Print("\nten callers, ten a second each, who try 503 and lost connections again\n\n| | created | tried again | failed | p50 | p99 | worst |\n|---|---|---|---|---|---|---|\n")
	report := func(what string) {
		took, failed := l.taken()
		fmt.Printf("| %s | %d | %d | %d | %.0f ms | %.0f ms | %.0f ms |\n", what, len(took), l.again.Swap(0), len(failed),
			ms(quantile(took, 0.5)), ms(quantile(took, 0.99)), ms(quantile(took, 1)))
		for _, f := range failed {
			fmt.Println("FAILED:", f)
		}
	}
	<-time.After(10 * time.Second)
	report("nothing is restarted")
	for _, n := range c.Nodes {
		n.Stop(syscall.SIGTERM)
		if err := n.Start(); err != nil {
			return err
		}
		if err := c.Ready(ctx); err != nil {
			return err
		}
		<-time.After(2 * time.Second)
	}
	report("each node is restarted")
	for _, p := range c.NATS {
		p.Stop(syscall.SIGTERM)
		if err := p.Start(); err != nil {
			return err
		}
		<-time.After(serverCatchesUp)
	}
	report("each NATS server is restarted")
	stop()
	<-ended
	fmt.Printf("\n%d created, %d not delivered\n", l.created.Load(), l.missing(ctx))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
