package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// What the nodes of a local cluster share. It is on loopback, and keeps nothing from anybody.
const (
	Account       = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:dev0token"
	DeviceKey     = "a-key-for-nodes-that-are-tried-on-loopback"
	WebhookSecret = "whsec_YSBzZWNyZXQgZm9yIG5vZGVzIG9uIGxvb3BiYWNr"
	password      = "loopback"
)

// Options are what a cluster is made of.
type Options struct {
	// Dir is where logs and stores are.
	Dir string
	// Module is the folder of nudge's module.
	Module string
	// Nodes is how many nudge nodes there are. 0: 3.
	Nodes int
	// Flags are further flags of nudge serve.
	Flags []string
	// Links has nodes reach the servers, and servers each other, over links that can be broken, and Disks gives each server a disk of its own, where that can be done.
	Links, Disks bool
	// SyncLate has the servers sync as late as NATS does by default: a power cut loses what they had acknowledged.
	SyncLate bool
	// ClockSteps has nodes whose clocks can be stepped. Everything has to be compiled for them, Go's own packages too.
	ClockSteps bool
}

// Cluster is three NATS servers, nudge nodes and a balancer.
type Cluster struct {
	NATS     []*Process
	Nodes    []*Node
	Balancer *Balancer
	// Store is what --store of a node is, and OperatorStore that of nudge challenges, nudge accounts and nudge migrate.
	Store, OperatorStore string
	// Program is the nudge that runs.
	Program string
	// NoDisks says why there are none, if there had to be.
	NoDisks error
	mounted []disk
	// routes are the links from each server to each other one.
	routes [][]*Link
}

// Node is a nudge that runs.
type Node struct {
	*Process
	// URL is where it serves, OpsURL where operators look.
	URL, OpsURL string
	// Links are those to the servers, if they can be broken.
	Links []*Link
	// clock is the file that says how wrong its clock is.
	clock string
}

// natsNames are the names of the NATS servers.
var natsNames = []string{"a", "b", "c"}

// Start builds the programs and starts a cluster. It is ready when all nodes are.
func Start(ctx context.Context, o Options) (c *Cluster, err error) {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	c = &Cluster{Program: filepath.Join(o.Dir, "nudge")}
	defer func() {
		if err != nil {
			c.Stop()
		}
	}()
	server := filepath.Join(o.Dir, "nats-server")
	overlay := ""
	if o.ClockSteps {
		if overlay, err = clockOverlay(o.Module, o.Dir); err != nil {
			return c, err
		}
	}
	for _, build := range []struct{ dir, program, pkg, overlay string }{
		{o.Module, c.Program, "./cmd/nudge", overlay}, {filepath.Join(o.Module, "interop"), server, "github.com/nats-io/nats-server/v2", ""},
	} {
		command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-overlay", build.overlay, "-o", build.program, build.pkg)
		command.Dir = build.dir
		if out, err := command.CombinedOutput(); err != nil {
			return c, fmt.Errorf("building %s: %w: %s", build.pkg, err, out)
		}
	}
	if err := c.startNATS(o, server); err != nil {
		return c, err
	}
	if err := c.startNodes(o); err != nil {
		return c, err
	}
	return c, c.Ready(ctx)
}

func (c *Cluster) startNATS(o Options, server string) error {
	free, err := ports(2 * len(natsNames))
	if err != nil {
		return err
	}
	env := []string{"NUDGE_NATS_PASSWORD=" + password, "OPERATOR_NATS_PASSWORD=" + password, "SYS_NATS_PASSWORD=" + password}
	var urls []string
	for i := range natsNames {
		urls = append(urls, fmt.Sprintf("nats://nudge:%s@127.0.0.1:%d", password, free[2*i]))
	}
	c.Store = strings.Join(urls, ",")
	c.OperatorStore = strings.ReplaceAll(c.Store, "nats://nudge:", "nats://operator:")
	if o.Disks {
		if err := c.disks(o.Dir); err != nil {
			return err
		}
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	for i, name := range natsNames {
		p := &Process{
			Name: "nats-" + name, path: server, args: []string{"-c", config}, log: filepath.Join(o.Dir, "nats-"+name+".log"),
			env: append([]string{
				"NATS_NAME=" + name, fmt.Sprintf("NATS_LISTEN=127.0.0.1:%d", free[2*i]), fmt.Sprintf("NATS_CLUSTER=127.0.0.1:%d", free[2*i+1]),
				"NATS_STORE=" + filepath.Join(o.Dir, "nats-"+name),
			}, env...),
		}
		routes, err := c.route(o, i, free)
		if err != nil {
			return err
		}
		p.env = append(p.env, routes...)
		if err := p.Start(); err != nil {
			return err
		}
		c.NATS = append(c.NATS, p)
	}
	return nil
}

func (c *Cluster) startNodes(o Options) error {
	free, err := ports(2 * o.Nodes)
	if err != nil {
		return err
	}
	var addresses []string
	for i := range o.Nodes {
		name := fmt.Sprintf("n%d", i+1)
		public, private := fmt.Sprintf("127.0.0.1:%d", free[2*i]), fmt.Sprintf("127.0.0.1:%d", free[2*i+1])
		store, links, err := c.linked(o)
		if err != nil {
			return err
		}
		n := &Node{
			Links: links, clock: filepath.Join(o.Dir, name+".clock"),
			URL: "http://" + public, OpsURL: "http://" + private,
			Process: &Process{
				Name: name, path: c.Program, log: filepath.Join(o.Dir, name+".log"), env: []string{"NUDGE_STORE=" + store, stepsVariable + "=" + filepath.Join(o.Dir, name+".clock")},
				args: append([]string{
					"serve", "--node-name", name, "--addr", public, "--ops-addr", private, "--account", Account,
					"--device-key", DeviceKey, "--webhook-secret", WebhookSecret, "--data", filepath.Join(o.Dir, name),
				}, o.Flags...),
			},
		}
		c.Nodes = append(c.Nodes, n)
		addresses = append(addresses, public)
	}
	// The servers first choose a leader.
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	c.Balancer, err = balance(addresses)
	return err
}

// Ready waits until all nodes are ready, and starts those again that gave up before the servers were there.
func (c *Cluster) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, n := range c.Nodes {
		for !n.IsReady(ctx) {
			select {
			case <-n.Ended():
				if n.exitCode() == usage {
					return fmt.Errorf("%s: %s", n.Name, n.end())
				}
				if err := n.Start(); err != nil {
					return err
				}
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return errors.Join(fmt.Errorf("%s is not ready: %s", n.Name, n.end()), ctx.Err())
			}
		}
	}
	return nil
}

// usage is the exit code of wrong flags.
const usage = 2

// IsReady tells whether the node says that it is ready.
func (n *Node) IsReady(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.OpsURL+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// Stop ends all of it.
func (c *Cluster) Stop() {
	if c.Balancer != nil {
		c.Balancer.Close()
	}
	for _, n := range c.Nodes {
		n.Signal(syscall.SIGCONT)
		n.Signal(syscall.SIGTERM)
	}
	for _, n := range c.Nodes {
		for _, link := range n.Links {
			link.Set(Whole)
		}
		select {
		case <-n.Ended():
		case <-time.After(20 * time.Second):
			n.Stop(syscall.SIGKILL)
		}
	}
	for _, p := range c.NATS {
		p.Signal(syscall.SIGCONT)
		p.Stop(syscall.SIGKILL)
	}
	for _, n := range c.Nodes {
		for _, link := range n.Links {
			link.close()
		}
	}
	for _, links := range c.routes {
		for _, link := range links {
			if link != nil {
				link.close()
			}
		}
	}
	c.unmount()
}
