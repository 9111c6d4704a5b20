package mcp_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
)

// The document, and a version before it that allowed more.
func build(t *testing.T, configure ...func(*portal.Config, *mcp.Config)) *mcp.Server {
	t.Helper()
	pages := portal.Config{PublicURL: publicURL, Versions: fstest.MapFS{
		"0.9.0.yaml": &fstest.MapFile{Data: bytes.Replace(nudge.OpenAPI, maximum, higher, 1)},
	}}
	config := mcp.Config{Version: "test"}
	for _, f := range configure {
		f(&pages, &config)
	}
	p, err := portal.New(pages)
	if err != nil {
		t.Fatal(err)
	}
	config.Portal = p
	s, err := mcp.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// All that was read is answered when the input ends, a last line without its end too.
func TestTheLastLineIsAnswered(t *testing.T) {
	input := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":"two","method":"tools/call","params":{"name":"search","arguments":{"query":"ttl"}}}
{"jsonrpc":"2.0","id":3,"method":"tools/list"}`
	var out bytes.Buffer
	if err := build(t).ServeStdio(t.Context(), strings.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{`"id":1`, `"id":"two"`, `"id":3`} {
		if !strings.Contains(out.String(), id) {
			t.Errorf("%s is not answered in %s", id, out.String())
		}
	}
}

// withBasicAuth sends credentials with every request.
type withBasicAuth struct{ username, password string }

func (a withBasicAuth) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.username != "" {
		r = r.Clone(r.Context())
		r.SetBasicAuth(a.username, a.password)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// connectHTTP is a client over streamable HTTP.
func connectHTTP(t *testing.T, s *mcp.Server, auth withBasicAuth) *sdk.ClientSession {
	t.Helper()
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return connect(t, &sdk.StreamableClientTransport{Endpoint: server.URL + mcp.Path, HTTPClient: &http.Client{Transport: auth}, DisableStandaloneSSE: true})
}

// connectStdio is a client on a pair of streams.
func connectStdio(t *testing.T, s *mcp.Server) *sdk.ClientSession {
	t.Helper()
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.ServeStdio(ctx, fromClient, toClient) }()
	t.Cleanup(func() {
		_ = toServer.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return connect(t, &sdk.IOTransport{Reader: fromServer, Writer: toServer})
}

func connect(t *testing.T, transport sdk.Transport) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func call(t *testing.T, session *sdk.ClientSession, tool string, arguments map[string]any) *sdk.CallToolResult {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return result
}

func text(result *sdk.CallToolResult) string {
	var b strings.Builder
	for _, content := range result.Content {
		if t, ok := content.(*sdk.TextContent); ok {
			b.WriteString(t.Text)
		}
	}
	return b.String()
}
