package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/contract"
)

// realServer is a server that other people's tools make of a document.
type realServer struct {
	name string
	// command starts it, in its folder, on the port that stands for PORT.
	command []string
	// document is in its folder; of a server that serves its own, it is fetched from a path.
	document, path string
	// base is the path of the server's URL; only and header are what a run is given.
	base, only, header string
	// operations are those of only, as Schemathesis has them.
	operations string
}

const stripeOperations = "GetBalance|GetCustomers|GetCustomersCustomer|PostCustomers|DeleteCustomersCustomer"

var realServers = []realServer{
	{name: "fastapi", command: []string{"venv/bin/python", "app.py", "PORT"}, document: "openapi.json", path: "/openapi.json"},
	{name: "oapi-codegen-echo", command: []string{"./server", "PORT"}, document: "openapi.yaml"},
	{name: "oapi-codegen-stdhttp", command: []string{"./server", "PORT"}, document: "openapi.yaml", header: "X-API-Key: key"},
	{name: "express-openapi-validator", command: []string{"node", "app.js", "PORT"}, document: "openapi.yaml", base: "/v1"},
	{name: "connexion", command: []string{"venv/bin/python", "app.py", "PORT"}, document: "openapi.yaml"},
	{name: "stripe-mock", command: []string{"./stripe-mock", "-http-addr", "127.0.0.1:PORT", "-https-addr", "127.0.0.1:"}, document: "openapi.json",
		header: "Authorization: Bearer sk_test_123", only: "^(" + stripeOperations + ")/", operations: "^(" + stripeOperations + ")$"},
}

// runReal tries the kit, and Schemathesis beside it, on real servers. A finding of the kit that nobody has judged is an error.
func runReal(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: bench real SERVERS KNOWN SCHEMATHESIS: the folder of the servers, that of what is known of them, and the program")
	}
	fmt.Printf("\n| server | cases | findings, judged true | not judged | seconds | Schemathesis: findings | seconds |\n|---|---|---|---|---|---|---|\n")
	fresh := false
	for _, s := range realServers {
		row, err := s.compare(args[0], args[1], args[2])
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println(row)
		fresh = fresh || strings.Contains(row, "FAIL")
	}
	told, err := throughProxy(args[0])
	if err != nil {
		return fmt.Errorf("Stripe's SDK: %w", err)
	}
	fmt.Printf("\nStripe's SDK before stripe-mock, 12 right calls and a wrong one, through the proxy: %d violations.\n", len(told))
	if len(told) != 1 || !strings.Contains(told[0], "name") {
		return fmt.Errorf("the wrong call alone must be told: %q", told)
	}
	if fresh {
		return errors.New("there are findings that nobody has judged")
	}
	return nil
}

// throughProxy lets Stripe's official SDK call its mock through the proxy, and gives what that tells.
func throughProxy(servers string) (told []string, err error) {
	s := realServers[len(realServers)-1]
	folder := filepath.Join(servers, s.name)
	document, err := os.ReadFile(filepath.Join(folder, s.document))
	if err != nil {
		return nil, err
	}
	return told, s.serve(folder, func(url string) error {
		var mu sync.Mutex
		proxy, err := contract.Proxy(url, func(f contract.Finding) {
			mu.Lock()
			defer mu.Unlock()
			if f.By == "caller" {
				told = append(told, f.Message)
			}
		}, contract.WithDocument(s.document, document))
		if err != nil {
			return err
		}
		before := httptest.NewServer(proxy)
		defer before.Close()
		calls := exec.Command("venv/bin/python", "calls.py", before.URL)
		calls.Dir = folder
		if out, err := calls.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %.1000s", err, out)
		}
		return nil
	})
}

// compare gives a row of the table, with the findings below it that nobody has judged.
func (s realServer) compare(servers, known, schemathesis string) (string, error) {
	folder := filepath.Join(servers, s.name)
	var kit *contract.Report
	var seconds [2]float64
	if err := s.serve(folder, func(url string) (err error) {
		kit, seconds[0], err = s.kit(folder, known, url)
		return err
	}); err != nil {
		return "", err
	}
	var found string
	if err := s.serve(folder, func(url string) (err error) {
		found, seconds[1], err = s.schemathesis(folder, url, schemathesis)
		return err
	}); err != nil {
		return "", err
	}
	rules := map[string]bool{}
	for _, result := range kit.Results {
		for _, v := range result.Known {
			rules[v.Rule] = true
		}
	}
	_, failed, _ := kit.Count()
	row := fmt.Sprintf("| %s | %d | %d | %d | %.1f | %s | %.1f |", s.name, len(kit.Results), len(rules), failed, seconds[0], found, seconds[1])
	if kit.Failed() || len(kit.Gone) > 0 {
		var text strings.Builder
		if err := kit.WriteText(&text); err != nil {
			return "", err
		}
		row += "\n\n" + text.String()
	}
	return row, nil
}

// kit runs the contract kit.
func (s realServer) kit(folder, known, url string) (*contract.Report, float64, error) {
	document, err := os.ReadFile(filepath.Join(folder, s.document))
	if err != nil {
		return nil, 0, err
	}
	reviewed, err := os.ReadFile(filepath.Join(known, s.name+".yaml"))
	if err != nil {
		return nil, 0, err
	}
	options := []contract.Option{contract.WithDocument(s.document, document), contract.WithKnown(reviewed), contract.WithHTTPClient(&http.Client{Timeout: 30 * time.Second})}
	if name, value, ok := strings.Cut(s.header, ": "); ok {
		options = append(options, contract.WithHeader(name, value))
	}
	if s.only != "" {
		options = append(options, contract.WithOnly(s.only))
	}
	started := time.Now()
	report, err := contract.Run(context.Background(), url, options...)
	return report, time.Since(started).Seconds(), err
}

// uniqueFailures is what Schemathesis says at the end.
var uniqueFailures = regexp.MustCompile(`(\d+) unique failures?`)

func (s realServer) schemathesis(folder, url, program string) (found string, seconds float64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolTimeout)
	defer cancel()
	args := []string{"run", s.document, "--url", url, "--checks", "all", "--max-examples", "60", "--seed", "1", "--generation-database", "none"}
	if s.header != "" {
		args = append(args, "--header", s.header)
	}
	if s.operations != "" {
		args = append(args, "--include-operation-id-regex", s.operations)
	}
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = folder
	started := time.Now()
	out, err := command.CombinedOutput()
	seconds = time.Since(started).Seconds()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || ctx.Err() != nil {
		return "", 0, cmp.Or(ctx.Err(), err)
	}
	if count := uniqueFailures.FindSubmatch(out); count != nil {
		return string(count[1]), seconds, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("schemathesis ended without a count: %.500s", out)
	}
	return "0", seconds, nil
}

// serve runs the server while it is used.
func (s realServer) serve(folder string, use func(url string) error) error {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	_ = free.Close()
	args := make([]string, len(s.command))
	for i, arg := range s.command {
		args[i] = strings.ReplaceAll(arg, "PORT", port)
	}
	command := exec.Command(args[0], args[1:]...)
	command.Dir = folder
	if err := command.Start(); err != nil {
		return err
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	if err := listening(address); err != nil {
		return err
	}
	if s.path != "" {
		if err := fetch("http://"+address+s.path, filepath.Join(folder, s.document)); err != nil {
			return err
		}
	}
	return use("http://" + address + s.base)
}

// listening waits until somebody listens.
func listening(address string) error {
	var err error
	for range 600 {
		var c net.Conn
		if c, err = net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// fetch keeps what an address answers in a file.
func fetch(url, file string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}
