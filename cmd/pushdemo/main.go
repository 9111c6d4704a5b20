// Command pushdemo runs nudge with an APNs, an FCM and a push service of browsers on this machine, and prints what they get: `make run-push`.
// It needs no account anywhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/pushpeers"
	"github.com/nudgehq/nudge/server/accounts"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: pushdemo NUDGE DIR [flags of nudge serve]")
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1], os.Args[2], os.Args[3:], os.Stdout)
	ended := ctx.Err() != nil
	cancel()
	if err != nil && !ended {
		fmt.Fprintln(os.Stderr, "pushdemo:", err)
		os.Exit(1)
	}
}

// challengesOfEach is how many challenges each device has: each may have three notifications.
const challengesOfEach = 100

func run(ctx context.Context, nudge, dir string, flags []string, out io.Writer) error {
	// What an earlier run has stored is of other devices. Nothing else is taken away.
	if _, err := os.Stat(filepath.Join(dir, "challenges.yaml")); err == nil {
		if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
			return err
		}
	} else if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s has other files", dir)
	}
	peers, err := pushpeers.Start(dir)
	if err != nil {
		return err
	}
	defer peers.Close()
	for _, name := range pushpeers.Names {
		peers.Of(name).Observe(func(r pushpeers.Request) {
			if r.Text == "" {
				_, _ = fmt.Fprintf(out, "%s: refused with %d\n", name, r.Status)
				return
			}
			_, _ = fmt.Fprintf(out, "%s: %s\n", name, r.Text)
		})
	}
	challenges := filepath.Join(dir, "challenges.yaml")
	if err := writeChallenges(challenges, peers); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, nudge, append([]string{
		"serve", "--channels", peers.Channels, "--challenges", challenges, "--data", filepath.Join(dir, "data"),
		"--account", accounts.DevelopmentSID + ":" + accounts.DevelopmentToken, "--no-access-log",
	}, flags...)...)
	cmd.Stdout, cmd.Stderr = &announced{out: out}, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 40 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		if listens(ctx, addressIn(flags)) {
			_, _ = io.WriteString(out, guide(addressIn(flags)))
		}
	}()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() < 0 {
		return nil
	}
	return err
}

// announced passes on what the server says of itself, up to what it has to be tried with: the guide has that.
type announced struct {
	out  io.Writer
	done bool
}

func (a *announced) Write(p []byte) (int, error) {
	if a.done {
		return len(p), nil
	}
	before, _, found := strings.Cut(string(p), "\nTry it:")
	a.done = found
	_, err := io.WriteString(a.out, before)
	return len(p), err
}

// addressIn is where the server listens: the default, unless flags say otherwise.
func addressIn(flags []string) string {
	address := "127.0.0.1:8080"
	for i, flag := range flags {
		if value, ok := strings.CutPrefix(flag, "--addr="); ok {
			address = value
		} else if flag == "--addr" && i+1 < len(flags) {
			address = flags[i+1]
		}
	}
	return address
}

// listens waits until the server does.
func listens(ctx context.Context, address string) bool {
	for ctx.Err() == nil {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false
}

// guide says what to try at an address.
func guide(address string) string {
	var b strings.Builder
	b.WriteString("A phone of Apple's, one of Android's, and a browser are on this machine. Send each a notification:\n")
	for i, name := range pushpeers.Names {
		fmt.Fprintf(&b, "  curl -u %s:%s -d Ttl=150 http://%s%s\n", accounts.DevelopmentSID, accounts.DevelopmentToken, address, path(name, i*challengesOfEach))
	}
	fmt.Fprintf(&b, "A challenge may have three notifications; each device has %d challenges, whose SIDs end in 00 to 63 (hexadecimal).\n\n", challengesOfEach)
	return b.String()
}

// challenge is the SID of the n-th challenge of all.
func challenge(n int) string {
	return documented.ChallengeSID[:2] + fmt.Sprintf("%032x", (n/challengesOfEach+1)<<8+n%challengesOfEach)
}

func identity(name string) string { return "device-" + name }

func path(name string, n int) string {
	return strings.NewReplacer(documented.Identity, identity(name), documented.ChallengeSID, challenge(n)).Replace(documented.Path)
}

func writeChallenges(file string, peers *pushpeers.Peers) error {
	var b strings.Builder
	b.WriteString("challenges:\n")
	for i, name := range pushpeers.Names {
		for n := range challengesOfEach {
			fmt.Fprintf(&b, "- {account_sid: %s, service_sid: %s, identity: %s, challenge_sid: %s, channel: %s, address: '%s', details: {place: Oslo}}\n",
				accounts.DevelopmentSID, documented.ServiceSID, identity(name), challenge(i*challengesOfEach+n), name, peers.Addresses[name])
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}
