// Command bench measures a running nudge from a second process, over HTTP on 127.0.0.1.
//
//	bench load      requests/s and latency of the durable server, beside the same server with a store in memory
//	bench peers     nudge and its peers side by side, in rounds that alternate: RESULTS.md and charts
//	bench growth    what a create, a delivery and a restart cost as pending notifications and devices grow: GROWTH.md and charts
//	bench million   one million pending: memory, fresh deliveries, kill -9 to serving, expiry
//	bench push      messages/s of the channels to phones and browsers, beside a bare POST and the libraries for them
//	bench portal    requests/s of pages and of MCP tools beside the operation's, and the operation's without them
//	bench devices   ten thousand connected devices: memory of each
//	bench soak      load, devices that come and go, receivers that hang, a machine that sleeps: nothing may grow
//	bench contract  the contract kit beside other tools that test servers, on the same wrong servers
//	bench foreign   the contract kit beside Schemathesis on small documents of all kinds, with right and wrong servers
//	bench real      the contract kit beside Schemathesis on real servers
//	bench simulate  a hundred nodes over a simulated store and clock, for days: nothing lost, late or twice
//	bench public    the cases of public documents: whether they are made, and what it takes
//
// Each starts its own servers, which are this program again, and stops by itself.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

func main() {
	commands := map[string]func([]string) error{"server": runServer, "load": runLoad, "portal": runPortal, "million": runMillion, "devices": runDevices, "contract": runContract, "foreign": runForeign, "real": runReal, "public": runPublic, "soak": runSoak, "soakserver": runSoakServer, "simulate": runSimulate, "push": runPush, "pushpeers": runPushPeers, "peers": runPeers, "growth": runGrowth, "peerserver": runPeerServer, "storeserver": runStoreServer}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench load|peers|growth|push|portal|million|devices|contract|foreign|real|public|soak|simulate")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// process is a server in a process of its own.
type process struct {
	command *exec.Cmd
	lines   *bufio.Scanner
	url     string
	// dialled counts the devices that were connected.
	dialled atomic.Int64
}

// start starts a server and waits until it serves.
func start(args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startCommand(exec.Command(self, append([]string{"server"}, args...)...))
}

// startCommand starts a server that prints its URL, and waits for that.
func startCommand(command *exec.Cmd) (*process, error) {
	p := &process{command: command}
	p.command.Stderr = os.Stderr
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.lines = bufio.NewScanner(out)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.url, err = p.await("url")
	return p, err
}

// await gives the value of the next line "name value".
func (p *process) await(name string) (string, error) {
	for p.lines.Scan() {
		if value, ok := strings.CutPrefix(p.lines.Text(), name+" "); ok {
			return value, nil
		}
		// Another program's.
		if name == "url" && strings.HasPrefix(p.lines.Text(), "http://") {
			return p.lines.Text(), nil
		}
	}
	return "", errors.New("the server ended before it said its " + name)
}

// kill ends the server as kill -9 does.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// resident is the server's resident memory, in bytes.
func (p *process) resident() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no VmRSS")
}

// quantiles gives the median and the 99th percentile.
func quantiles(samples []time.Duration) (p50, p99 time.Duration) {
	slices.Sort(samples)
	return samples[len(samples)/2], samples[len(samples)*99/100]
}
