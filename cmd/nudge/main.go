// Command nudge serves the operation of openapi.yaml and calls it.
//
// Run `nudge --help` for its commands and `nudge COMMAND --help` for their flags. Each flag can also be given in the
// environment, as NUDGE_ and its name: NUDGE_ADDR for --addr.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/device"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		// From here on a signal ends the process at once; only then is anybody told of the first.
		signal.Stop(signals)
		cancel()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is a wrong flag or argument.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// loggedError was written to the log, and is not printed.
type loggedError struct{ error }

func (e loggedError) Unwrap() error { return e.error }

// commands are the program's commands.
type commands struct {
	// Not from the environment: NUDGE_VERSION is what builds call the version that they make.
	Version kong.VersionFlag `env:"-" help:"Print the version."`

	Serve serveCommand `cmd:"" help:"Serve the operation."`
	Send  sendCommand  `cmd:"" help:"Create a notification for a challenge."`
	MCP   mcpCommand   `cmd:"" name:"mcp" help:"Give the documentation to an AI tool on standard input and output."`

	Contract contractCommand `cmd:"" help:"Try a server, in whatever language, against an OpenAPI document."`
	Diff     diffCommand     `cmd:"" help:"Say what changed from one document to another, and what breaks callers or Go users."`

	Docs docsCommand `cmd:"" help:"Show the documentation of any OpenAPI document, and give it to AI tools."`

	Ready        readyCommand        `cmd:"" help:"Say whether a server is ready, and succeed if it is."`
	Status       statusCommand       `cmd:"" help:"Say what became of a notification."`
	Tail         tailCommand         `cmd:"" help:"Print what happens to notifications."`
	Device       deviceCommand       `cmd:"" help:"Be a device: print and acknowledge what arrives."`
	Receive      receiveCommand      `cmd:"" help:"Be a receiver of webhooks: verify and print what arrives."`
	DeviceToken  deviceTokenCommand  `cmd:"" help:"Mint a token for a device."`
	DeviceRevoke deviceRevokeCommand `cmd:"" help:"End what the tokens of a device are good for, and its streams."`

	Channels channelsCommands `cmd:"" help:"Check the file of --channels, or send one test notification by it."`
	VAPID    vapidCommand     `cmd:"" name:"vapid" help:"Make the key that browsers know this server's push messages by."`

	Store   storeCommands  `cmd:"" help:"Check or copy the directory of a store."`
	Migrate migrateCommand `cmd:"" help:"Move what is pending from one machine's directory to NATS servers, or back."`

	Challenges directoryCommands[challengesKind] `cmd:"" help:"Put, get or remove the challenges of nodes with --challenges nats."`
	Accounts   directoryCommands[accountsKind]   `cmd:"" help:"Put, get or remove the accounts of nodes with --accounts nats."`

	Versions   versionCommand    `cmd:"" name:"version" help:"Print the versions of program, document and store."`
	Completion completionCommand `cmd:"" help:"Print what makes a shell complete nudge's command lines."`
	Man        manCommand        `cmd:"" help:"Print the manual page."`
	Complete   completeCommand   `cmd:"" hidden:""`
}

// run runs the command that args name and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := parseAndRun(ctx, args, stdout, stderr)
	var usage usageError
	var logged loggedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &logged) && errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &logged):
		return exitFailure
	case errors.As(err, &usage):
		complain(stderr, "nudge: %v\nRun \"nudge --help\" for the commands, \"nudge COMMAND --help\" for the flags.\n", err)
		return exitUsage
	default:
		complain(stderr, "nudge: %v\n", err)
		return exitFailure
	}
}

// complain writes the last words, if somebody reads them: a pipe that is full must not keep the process.
func complain(w io.Writer, format string, args ...any) {
	written := make(chan bool)
	go func() {
		_, _ = fmt.Fprintf(w, format, args...)
		close(written)
	}()
	select {
	case <-written:
	case <-time.After(flushTimeout):
	}
}

func parseAndRun(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	helped := false
	parser, err := kong.New(&commands{},
		kong.Name("nudge"),
		kong.Description("A contract-first notification service: one OpenAPI document, and delivery until the TTL elapses."),
		kong.DefaultEnvars("NUDGE"),
		kong.Writers(stdout, stderr),
		kong.Help(helpWithExamples),
		// Help asks for an exit; run decides about exits.
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(output{stdout: stdout, stderr: stderr}),
		kong.Vars(vars()),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(asked(args))
	if helped {
		return nil
	}
	if err != nil {
		return usageError{err}
	}
	if err := refuseEmpty(parsed); err != nil {
		return err
	}
	return parsed.Run()
}

// vars are what the commands' flags and their help name.
func vars() map[string]string {
	return map[string]string{
		"version":      version(),
		"max_inflight": strconv.Itoa(server.DefaultMaxInFlight),
		"max_body":     strconv.Itoa(server.DefaultMaxBody),

		"max_auth_failures":      strconv.Itoa(server.DefaultMaxAuthFailures),
		"max_pending":            strconv.Itoa(delivery.DefaultMaxPending),
		"max_pending_device":     strconv.Itoa(delivery.DefaultMaxPendingDevice),
		"max_device_connections": strconv.Itoa(stream.DefaultMaxConnections),
		"max_streams":            strconv.Itoa(device.DefaultMaxStreams),
		"max_inflight_devices":   strconv.Itoa(device.DefaultMaxInFlight),
		"min_free":               strconv.Itoa(pebblestore.DefaultMinFree),
		"timeout":                client.DefaultTimeout.String(),
		"contract_timeout":       contract.DefaultTimeout.String(),
	}
}

// asked is what args ask for: nothing at all, and "help COMMAND", ask for help.
func asked(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	}
	return args
}

// refuseEmpty refuses a flag that was given without a value: it is most likely a variable that was not set, and taking it
// for not given may switch a protection off.
func refuseEmpty(parsed *kong.Context) error {
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Flag.Name == "ops-addr" {
			continue
		}
		if text, ok := parsed.FlagValue(p.Flag).(string); ok && strings.TrimSpace(text) == "" {
			return usagef("--%s is empty: leave it out, or give it a value", p.Flag.Name)
		}
	}
	return nil
}

// output is where a command writes: results to stdout, logs and errors to stderr.
type output struct{ stdout, stderr io.Writer }
