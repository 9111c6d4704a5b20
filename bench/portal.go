package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// runPortal compares the speed of pages and MCP tools with that of create, and of create with and without the documentation.
// The store is in memory: a disk's delay would hide the other costs.
func runPortal([]string) error {
	const connections = 16
	plain, err := start()
	if err != nil {
		return err
	}
	defer plain.kill()
	documented, err := start("-portal")
	if err != nil {
		return err
	}
	defer documented.kill()

	get := func(path, encoding string) func(*http.Client, string) error {
		return func(client *http.Client, _ string) error {
			r, err := http.NewRequest(http.MethodGet, documented.url+"/doc/verify_v2"+path, nil)
			if err != nil {
				return err
			}
			r.Header.Set("Accept-Encoding", encoding)
			return do(client, r, http.StatusOK)
		}
	}
	tool := func(name, arguments string) func(*http.Client, string) error {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, arguments)
		return func(client *http.Client, _ string) error {
			r, err := http.NewRequest(http.MethodPost, documented.url+"/doc/verify_v2/mcp", strings.NewReader(body))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json, text/event-stream")
			return do(client, r, http.StatusOK)
		}
	}
	createAt := func(p *process) func(*http.Client, string) error {
		return func(client *http.Client, identity string) error { return create(client, p.url, identity) }
	}
	fmt.Println("request                              requests/s      p50      p99   vs create")
	var first float64
	for _, c := range []struct {
		name    string
		request func(*http.Client, string) error
	}{
		{"create, without the documentation", createAt(plain)},
		{"create, with it", createAt(documented)},
		{"create, without the documentation", createAt(plain)},
		{"create, with it", createAt(documented)},
		{"page", get("", "identity")},
		{"page, gzip", get("", "gzip")},
		{"page as Markdown", get(".md", "identity")},
		{"search", get("/search.json?q=ttl", "identity")},
		{"MCP search", tool("search", `{"query":"ttl"}`)},
		{"MCP get_pages", tool("get_pages", `{"urls":["/doc/verify_v2"]}`)},
	} {
		rate, samples, err := load(connections, c.request)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if first == 0 {
			first = rate
		}
		p50, p99 := quantiles(samples)
		fmt.Printf("%-36s %10.0f  %7s  %7s   %.2f\n", c.name, rate, p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), rate/first)
	}
	return nil
}
