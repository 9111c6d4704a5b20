package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

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

// prism is the validating proxy: it sends nothing by itself, so it is given the kit's requests.
type prism struct {
	command *exec.Cmd
	url     string
	// ended is closed when the program has ended.
	ended chan struct{}
	// upstream is where the proxy sends; to is where that goes now.
	to atomic.Pointer[string]
}

func newPrism(peers, work string) (*prism, error) {
	p := &prism{ended: make(chan struct{})}
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(upstream, http.HandlerFunc(p.forward)) }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	p.url = "http://127.0.0.1:" + port
	p.command = exec.Command(filepath.Join(peers, "node_modules", ".bin", "prism"), "proxy", filepath.Join(work, "openapi.yaml"), "http://"+upstream.Addr().String(), "--port", port)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	for range 300 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			return p, c.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.stop()
	return nil, fmt.Errorf("prism does not listen")
}

func (p *prism) stop() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// forward sends what comes from the proxy to the server of now.
func (p *prism) forward(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	to, err := http.NewRequestWithContext(r.Context(), r.Method, *p.to.Load()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	to.Header = r.Header
	answer, err := http.DefaultTransport.RoundTrip(to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

// finds tells whether the proxy says of any answer that it breaks the document, or of any request that was answered with
// success.
func (p *prism) finds(ctx context.Context, url string) (bool, error) {
	p.to.Store(&url)
	watch := &violations{}
	_, err := contract.Run(ctx, p.url, contract.WithAccount(mutant.Username, mutant.Password), contract.WithHTTPClient(&http.Client{Transport: watch, Timeout: time.Minute}))
	select {
	case <-p.ended:
		// What it was not asked it has not missed.
		return false, errors.New("prism has ended")
	default:
		return watch.found.Load(), err
	}
}

// violations looks for the proxy's header.
type violations struct{ found atomic.Bool }

// RoundTrip sends a request to the proxy, unless its form, path or query is malformed or, unescaped, no UTF-8: the proxy ends at
// such a one.
func (v *violations) RoundTrip(r *http.Request) (*http.Response, error) {
	texts := []string{r.URL.Opaque, r.URL.RawQuery}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		texts = append(texts, string(body))
	}
	for _, text := range texts {
		if plain, err := url.PathUnescape(text); err != nil || !utf8.ValidString(plain) {
			return nil, errors.New("the proxy is spared this request")
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	var said []struct {
		Location []string
		Severity string
	}
	if text := response.Header.Get("Sl-Violations"); text != "" {
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			return nil, fmt.Errorf("what the proxy says of an answer: %w", err)
		}
	}
	for _, one := range said {
		if one.Severity == "Error" && (slices.Contains(one.Location, "response") || response.StatusCode < http.StatusBadRequest) {
			v.found.Store(true)
		}
	}
	return response, nil
}
