package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/mutant"
)

// toolTimeout is how long a tool may take for one server.
const toolTimeout = 5 * time.Minute

// tool tests the server at a URL and tells whether something is wrong with it.
type tool struct {
	name string
	// authenticated tells that the tool cannot be told the credentials: a listener adds them.
	authenticated bool
	finds         func(ctx context.Context, url string) (bool, error)
}

// runContract sets the contract kit beside other tools: each tests every wrong server, and the correct one.
func runContract(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: bench contract PEERS SCHEMATHESIS: the folder of node_modules, and the program")
	}
	work, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	peers, schemathesis := args[0], args[1]
	if err := os.WriteFile(filepath.Join(work, "openapi.yaml"), nudge.OpenAPI, 0o600); err != nil {
		return err
	}
	prism, err := newPrism(peers, work)
	if err != nil {
		return err
	}
	defer prism.stop()
	tools := []tool{
		{name: "nudge contract", finds: kit},
		{name: "Schemathesis 4.32.5", finds: func(ctx context.Context, url string) (bool, error) {
			return fails(ctx, work, nil, schemathesis, "run", "openapi.yaml", "--url", url, "--auth", mutant.Username+":"+mutant.Password,
				"--checks", "all", "--max-examples", "100", "--seed", "1", "--generation-database", "none")
		}},
		{name: "Specmatic 2.55.1, generative", authenticated: true, finds: specmatic(peers, work)},
		{name: "Prism 5.16.0 as proxy of the kit's requests", finds: prism.finds},
	}
	results := make([]result, len(tools))
	var all sync.WaitGroup
	for i, t := range tools {
		if i == 0 {
			// The kit, alone: its time is its own.
			results[i] = t.try()
			continue
		}
		// The others take most of their time to start.
		all.Go(func() { results[i] = t.try() })
	}
	all.Wait()
	fmt.Printf("\n| tool | of %d wrong servers | the correct one | seconds a server |\n|---|---|---|---|\n", len(mutant.All))
	for i, t := range tools {
		if results[i].err != nil {
			return fmt.Errorf("%s: %w", t.name, results[i].err)
		}
		correct := "passes"
		if results[i].alarm {
			correct = "**fails**"
		}
		fmt.Printf("| %s | %d | %s | %.1f |\n", t.name, results[i].caught, correct, results[i].seconds)
	}
	for i, t := range tools {
		if missed := results[i].missed; len(missed) > 0 {
			fmt.Printf("\nNot noticed by %s: %s.\n", t.name, strings.Join(missed, "; "))
		}
	}
	return nil
}

// result is what a tool found.
type result struct {
	caught  int
	missed  []string
	alarm   bool
	seconds float64
	err     error
}

// try runs a tool against every server, one after the other.
func (t tool) try() (r result) {
	var current atomic.Pointer[http.Handler]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return result{err: err}
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.authenticated {
			r.SetBasicAuth(mutant.Username, mutant.Password)
		}
		(*current.Load()).ServeHTTP(w, r)
	})}
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(listener) }()
	started := time.Now()
	for _, m := range append([]mutant.Mutant{{}}, mutant.All...) {
		handler := mutant.New(m.Defect)
		current.Store(&handler)
		ctx, cancel := context.WithTimeout(context.Background(), toolTimeout)
		found, err := t.finds(ctx, "http://"+listener.Addr().String())
		cancel()
		switch {
		case err != nil:
			return result{err: err}
		case m.Defect == "":
			r.alarm = found
		case found:
			r.caught++
		default:
			r.missed = append(r.missed, m.Defect)
		}
	}
	r.seconds = time.Since(started).Seconds() / float64(len(mutant.All)+1)
	return r
}

func kit(ctx context.Context, url string) (bool, error) {
	report, err := contract.Run(ctx, url, contract.WithAccount(mutant.Username, mutant.Password))
	return err == nil && report.Failed(), err
}

// fails tells whether a program ends with another exit code than 0.
func fails(ctx context.Context, dir string, env []string, name string, args ...string) (bool, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), env...)
	err := command.Run()
	if _, exited := err.(*exec.ExitError); exited && ctx.Err() == nil {
		return true, nil
	}
	return false, err
}

var parameterExample = regexp.MustCompile(`      example: (\S+)`)

// specmatic needs the path's examples under the names of the body's. A file called specmatic.yaml would be its configuration.
func specmatic(peers, work string) func(ctx context.Context, address string) (bool, error) {
	before, rest, _ := strings.Cut(string(nudge.OpenAPI), "\n  parameters:\n")
	parameters, after, _ := strings.Cut(rest, "\n  schemas:\n")
	parameters = parameterExample.ReplaceAllString(parameters, "      examples:\n        createWithTtl: {value: $1}\n        createWithDefaultTtl: {value: $1}")
	document := before + "\n  parameters:\n" + parameters + "\n  schemas:\n" + after
	return func(ctx context.Context, address string) (bool, error) {
		if err := os.WriteFile(filepath.Join(work, "named.yaml"), []byte(document), 0o600); err != nil {
			return false, err
		}
		u, err := url.Parse(address)
		if err != nil {
			return false, err
		}
		jar := filepath.Join(peers, "node_modules", "specmatic", "specmatic.jar")
		return fails(ctx, work, []string{"SPECMATIC_GENERATIVE_TESTS=true"}, "java", "-jar", jar, "test", "named.yaml", "--host", u.Hostname(), "--port", u.Port())
	}
}
