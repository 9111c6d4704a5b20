package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/server/challenges"
)

type contractCommand struct {
	Run   contractRunCommand   `cmd:"" default:"withargs" help:"Try a server against the document. (the default)"`
	Proxy contractProxyCommand `cmd:"" help:"Sit between callers and a server, and judge both."`
}

// maxWarnings bounds the warnings about a document that are shown.
const maxWarnings = 50

// timeout is how long an answer may take: a service of challenges that takes longer than nudge waits is of no use to it.
func (cmd *contractRunCommand) timeout() time.Duration {
	if cmd.Spec == ofChallenges {
		return min(cmd.Timeout, challenges.LookupTime)
	}
	return cmd.Timeout
}

// ofChallenges names the document that is built in beside nudge's own. A file of this name is ./challenges.
const ofChallenges = "challenges"

// contractSource says which document a server is judged by.
type contractSource struct {
	Spec string `placeholder:"FILE" help:"The OpenAPI document: a file, a URL or a git revision; or challenges, for that of a service which serve --challenges asks. (nudge's own)"`
	refHosts
}

// settings reads the document; warnings say what is wrong in it.
func (s contractSource) settings(ctx context.Context, warnings io.Writer) ([]contract.Option, error) {
	if s.Spec == "" {
		return nil, nil
	}
	if s.Spec == ofChallenges {
		return []contract.Option{contract.WithDocument(ofChallenges, challenges.OpenAPI)}, nil
	}
	source, err := s.document(ctx, s.Spec)
	if err != nil {
		return nil, usagef("--spec: %w", err)
	}
	told := 0
	warn := func(text string) {
		switch told++; {
		case told <= maxWarnings:
			_, _ = fmt.Fprintf(warnings, "nudge: warning: %s\n", text)
		case told == maxWarnings+1:
			_, _ = fmt.Fprintln(warnings, "nudge: warning: there are more, which are not shown")
		}
	}
	return []contract.Option{contract.WithDocument(source.Name, source.Data), contract.WithFiles(source.Files), contract.WithFetch(source.Fetch), contract.WithWarning(warn)}, nil
}

type contractRunCommand struct {
	contractSource
	URL         string            `name:"url" placeholder:"URL" help:"Base URL of the server."`
	Account     string            `env:"NUDGE_CREDENTIALS" placeholder:"SID:TOKEN" help:"Credentials of HTTP basic."`
	Header      []string          `sep:"none" placeholder:"NAME:VALUE" help:"Header of every request, such as another kind of credentials; can be repeated."`
	Query       []string          `sep:"none" placeholder:"NAME=VALUE" help:"Parameter of every request's query, such as an API key; can be repeated."`
	Fixture     map[string]string `placeholder:"NAME=VALUE" help:"Value of a parameter that exists on the server, such as ServiceSid=VA…; can be repeated."`
	Only        string            `placeholder:"REGEXP" help:"Try only the cases whose name matches."`
	Skip        string            `placeholder:"REGEXP" help:"Leave out the cases whose name matches."`
	Seed        uint64            `default:"1" help:"Seed of the random values. (${default})"`
	MaxCreates  int               `placeholder:"N" help:"For a server that must not be filled: send at most N requests that should succeed; 0 is no limit. (no limit)"`
	MaxFailures int               `placeholder:"N" help:"Stop when N cases have failed; 0 is no limit. (no limit)"`
	FailFast    bool              `help:"Stop at the first case that fails."`
	MaxCases    int               `placeholder:"N" help:"Try N cases at most, chosen by the seed; 0 is all. (all)"`
	Known       string            `placeholder:"FILE" help:"Reviewed list of defects that fail nothing, as YAML."`
	With        []string          `sep:"none" placeholder:"RULE" help:"Turn on a strict rule; can be repeated."`
	Without     []string          `sep:"none" placeholder:"RULE" help:"Turn off a rule; can be repeated."`
	Setup       string            `placeholder:"COMMAND" help:"Run before the first case: a command, or a request such as 'POST /reset'."`
	Rate        float64           `placeholder:"N" help:"Requests a second, at most. (no limit)"`
	Tolerate    []int             `placeholder:"STATUS" help:"Status that any refusal may have; can be repeated."`
	Strict      bool              `help:"Judge by the strict rules too: undeclared fields, other spellings of values, paths and media types, repeated fields. (on for nudge's own document)"`
	AnyRefusal  bool              `help:"Take any declared 4xx for a refusal."`
	Timeout     time.Duration     `default:"${contract_timeout}" help:"How long an answer may take. (${default})"`
	JUnit       string            `name:"junit" placeholder:"FILE" help:"Write the report in JUnit's form."`
	JSON        string            `name:"json" placeholder:"FILE" help:"Write the report as JSON; - for standard output, instead of the text."`
	DryRun      bool              `help:"Print the cases, and send nothing."`
}

func (cmd *contractRunCommand) options(ctx context.Context, warnings io.Writer) ([]contract.Option, error) {
	options, err := cmd.settings(ctx, warnings)
	if err != nil {
		return nil, err
	}
	options = append(options,
		contract.WithOnly(cmd.Only), contract.WithSkip(cmd.Skip), contract.WithSeed(cmd.Seed), contract.WithMaxCreates(cmd.MaxCreates), contract.WithMaxFailures(cmd.MaxFailures), contract.WithRate(cmd.Rate),
		contract.WithTolerated(cmd.Tolerate...), contract.WithHTTPClient(&http.Client{Timeout: cmd.timeout()}))
	if cmd.Account != "" {
		sid, token, _ := strings.Cut(cmd.Account, ":")
		if sid == "" || token == "" {
			return nil, usagef("--account must be SID:TOKEN")
		}
		options = append(options, contract.WithAccount(sid, token))
	}
	headers, err := cmd.headers()
	if err != nil {
		return nil, err
	}
	for name, values := range headers {
		for _, value := range values {
			options = append(options, contract.WithHeader(name, value))
		}
	}
	for _, parameter := range cmd.Query {
		name, value, ok := strings.Cut(parameter, "=")
		if !ok || name == "" {
			return nil, usagef("--query must be a name, an equals sign and a value")
		}
		options = append(options, contract.WithQuery(name, value))
	}
	for name, value := range cmd.Fixture {
		options = append(options, contract.WithFixture(name, value))
	}
	options = append(options, contract.WithMaxCases(cmd.MaxCases), contract.WithRules(cmd.With...), contract.WithoutRules(cmd.Without...))
	if cmd.FailFast {
		options = append(options, contract.WithMaxFailures(1))
	}
	if cmd.Known != "" {
		data, err := os.ReadFile(cmd.Known)
		if err != nil {
			return nil, usagef("--known: %w", err)
		}
		options = append(options, contract.WithKnown(data))
	}
	if cmd.Strict {
		options = append(options, contract.WithStrict())
	}
	if cmd.AnyRefusal {
		options = append(options, contract.WithAnyRefusal())
	}
	return options, nil
}

// memoryKept is where the garbage collector begins to work harder, in bytes: the documents of large APIs double what is in use.
const memoryKept = 400 << 20

// Run tries the server and writes the reports.
func (cmd *contractRunCommand) Run(ctx context.Context, out output) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryKept)
	}
	options, err := cmd.options(ctx, out.stderr)
	if err != nil {
		return err
	}
	if cmd.DryRun {
		return cmd.list(out.stdout, options)
	}
	if cmd.URL == "" {
		return usagef("--url is missing: the base URL of the server")
	}
	if terminal, ok := out.stderr.(*os.File); ok && isTerminal(terminal) {
		started := time.Now()
		options = append(options, contract.WithProgress(func(done, all, failed int) {
			left := time.Duration(float64(time.Since(started)) / float64(done) * float64(all-done)).Round(time.Second)
			_, _ = fmt.Fprintf(terminal, "\r\033[K%d of %d, %d failed, %v left", done, all, failed, left)
			if done == all {
				_, _ = fmt.Fprint(terminal, "\r\033[K")
			}
		}))
	}
	files, err := reportFilesOf(cmd.JUnit, cmd.JSON)
	if err != nil {
		return err
	}
	if err := cmd.setup(ctx, out); err != nil {
		return usagef("--setup: %w", err)
	}
	report, err := contract.Run(ctx, cmd.URL, options...)
	switch {
	case errors.Is(err, contract.ErrUnusable):
		return usageError{err}
	case err != nil && report == nil:
		return err
	}
	show := func(w io.Writer) error { return report.WriteText(coloured(w)) }
	if cmd.JSON == "-" {
		show = report.WriteJSON
	}
	if err := errors.Join(files.write(report), show(out.stdout)); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("the run was ended: %w", err)
	}
	if report.Failed() {
		return errors.New("the server does not keep the contract")
	}
	return nil
}

// headers are those of every request.
func (cmd *contractRunCommand) headers() (http.Header, error) {
	headers := http.Header{}
	for _, header := range cmd.Header {
		name, value, ok := strings.Cut(header, ":")
		if !ok || name == "" {
			return nil, usagef("--header must be a name, a colon and a value")
		}
		headers.Add(name, strings.TrimSpace(value))
	}
	return headers, nil
}

// setupRequest is a setup that is a request.
var setupRequest = regexp.MustCompile(`^([A-Z]+) (/\S*)$`)

// setup prepares the server for the run.
func (cmd *contractRunCommand) setup(ctx context.Context, out output) error {
	request := setupRequest.FindStringSubmatch(cmd.Setup)
	switch {
	case cmd.Setup == "":
		return nil
	case request == nil:
		shell := exec.CommandContext(ctx, "sh", "-c", cmd.Setup)
		shell.Stdout, shell.Stderr = out.stderr, out.stderr
		return shell.Run()
	}
	r, err := http.NewRequestWithContext(ctx, request[1], strings.TrimSuffix(cmd.URL, "/")+request[2], http.NoBody)
	if err != nil {
		return err
	}
	if r.Header, err = cmd.headers(); err != nil {
		return err
	}
	if sid, token, ok := strings.Cut(cmd.Account, ":"); ok {
		r.SetBasicAuth(sid, token)
	}
	response, err := (&http.Client{Timeout: cmd.Timeout}).Do(r)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s is answered %s", cmd.Setup, response.Status)
	}
	return nil
}
