package main

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server/accounts"
)

func session(t *testing.T, transport sdk.Transport) *sdk.ClientSession {
	t.Helper()
	s, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func tools(t *testing.T, s *sdk.ClientSession) string {
	t.Helper()
	listed, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
	}
	return strings.Join(names, " ")
}

var createArguments = map[string]any{
	"ServiceSid": documented.ServiceSID, "Identity": "ff483d1ff591898a9942916050d2ca3f", "ChallengeSid": documented.ChallengeSID, "Ttl": 0,
}

type basicAuth struct{}

func (basicAuth) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken)
	return http.DefaultTransport.RoundTrip(r)
}

// The documentation is beside the operation, and shows the public URL that was given.
func TestServeDocumentation(t *testing.T) {
	r := serve(t, "--public-url=https://notify.example.com", "--mcp-execute")
	if status, page := get(t, r.url+"/doc/verify_v2"); status != 200 || !strings.Contains(page, "https://notify.example.com/doc/verify_v2/mcp") || strings.Contains(page, r.url) {
		t.Errorf("%d %.300s", status, page)
	}
	if status, _ := get(t, r.url+"/doc/verify_v3"); status != 404 {
		t.Errorf("what is not the portal's is answered %d", status)
	}
	over := session(t, &sdk.StreamableClientTransport{Endpoint: r.url + "/doc/verify_v2/mcp", HTTPClient: &http.Client{Transport: basicAuth{}}, DisableStandaloneSSE: true})
	if got := tools(t, over); got != "create_notification get_change get_operation get_pages get_schema list_changes list_pages search" {
		t.Errorf("the tools are %s", got)
	}
	result, err := over.CallTool(t.Context(), &sdk.CallToolParams{Name: "create_notification", Arguments: createArguments})
	if err != nil || result.IsError {
		t.Errorf("%v %+v", err, result)
	}
	r.stderr.await(t, `msg=request .*operation=CreateNotification .*status=201`)
}

func TestExecuteIsOffByDefault(t *testing.T) {
	r := serve(t)
	over := session(t, &sdk.StreamableClientTransport{Endpoint: r.url + "/doc/verify_v2/mcp", DisableStandaloneSSE: true})
	if got := tools(t, over); strings.Contains(got, "create") {
		t.Errorf("the tools are %s", got)
	}
}

// The same on standard input and output, where an AI tool starts it.
func TestMCPOnStdio(t *testing.T) {
	t.Parallel()
	r := serve(t)
	process := exec.Command(build(t), "mcp", "--url", r.url, "--mcp-execute", "--account", accounts.DevelopmentSID+":"+accounts.DevelopmentToken)
	over := session(t, &sdk.CommandTransport{Command: process})
	if got := tools(t, over); got != "create_notification get_change get_operation get_pages get_schema list_changes list_pages search" {
		t.Errorf("the tools are %s", got)
	}
	result, err := over.CallTool(t.Context(), &sdk.CallToolParams{Name: "create_notification", Arguments: createArguments})
	if err != nil || result.IsError {
		t.Errorf("%v %+v", err, result)
	}
	for _, args := range [][]string{{"mcp", "--url=nowhere"}, {"mcp", "--mcp-execute"}, {"serve", "--addr=127.0.0.1:0", "--data=" + t.TempDir(), "--public-url=nowhere"}} {
		if code, _, stderr := command(args...); code != exitUsage || !strings.Contains(stderr, "--") {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
}
