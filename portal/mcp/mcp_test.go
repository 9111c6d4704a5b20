package mcp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
)

// maximum is the bound of Ttl as the document writes it, and higher another one.
var (
	maximum = fmt.Appendf(nil, "maximum: %d\n", documented.MaxTTL)
	higher  = fmt.Appendf(nil, "maximum: %d\n", documented.MaxTTL*2)
)

func maximumIs(bound int) string { return fmt.Sprintf("%d to %d, default", documented.MinTTL, bound) }

// newestChange is the id of a change.
func newestChange(t *testing.T) (id string) {
	t.Helper()
	build(t, func(pages *portal.Config, _ *mcp.Config) {
		p, err := portal.New(*pages)
		if err != nil {
			t.Fatal(err)
		}
		id = p.Versions()[0].Changes[0].ID
	})
	return id
}

const publicURL = "https://notify.example.com"

func TestTools(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *sdk.ClientSession{
		"over HTTP":  func(t *testing.T) *sdk.ClientSession { return connectHTTP(t, build(t), withBasicAuth{}) },
		"over stdio": func(t *testing.T) *sdk.ClientSession { return connectStdio(t, build(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			session := open(t)
			if !strings.Contains(session.InitializeResult().Instructions, "search") {
				t.Errorf("the instructions are %q", session.InitializeResult().Instructions)
			}
			listed, err := session.ListTools(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			schemas := map[string]*sdk.Tool{}
			for _, tool := range listed.Tools {
				schemas[tool.Name] = tool
			}
			if len(schemas) != 7 {
				t.Errorf("the tools are %v", schemas)
			}
			for _, c := range []struct {
				tool      string
				arguments map[string]any
				want      []string
			}{
				{tool: "list_pages", arguments: nil, want: []string{publicURL + portal.Base, publicURL + portal.Base + "/operations/CreateNotification", publicURL + portal.Base + "/changelog"}},
				{tool: "list_pages", arguments: map[string]any{"parent": publicURL + portal.Base}, want: []string{"/operations/CreateNotification"}},
				{tool: "list_pages", arguments: map[string]any{"parent": portal.Base + "/changelog"}, want: []string{`"pages":[]`}},
				{tool: "search", arguments: map[string]any{"query": "ttl"}, want: []string{`"title":"Ttl"`, publicURL + portal.Base + "#CreateNotification-body-Ttl"}},
				{tool: "search", arguments: map[string]any{"query": "60309", "type": "error"}, want: []string{"#error-60309"}},
				{tool: "get_pages", arguments: map[string]any{"format": "structured", "urls": []string{publicURL + portal.Base, portal.Base + "/changelog.md"}}, want: []string{maximumIs(documented.MaxTTL), "# Changelog", "request-property-max-decreased"}},
				{tool: "list_changes", arguments: nil, want: []string{"unreleased", "0.9.0", newestChange(t), "breaking"}},
				{tool: "list_changes", arguments: map[string]any{"severity": "breaking", "version": "unreleased"}, want: []string{"`Ttl`", fmt.Sprintf("`%d`", documented.MaxTTL)}},
				{tool: "get_change", arguments: map[string]any{"id": newestChange(t)}, want: []string{"request-property-max-decreased", "POST /v2/Services/"}},
			} {
				result := call(t, session, c.tool, c.arguments)
				if result.IsError {
					t.Errorf("%s %v: %s", c.tool, c.arguments, text(result))
				}
				structured, _ := json.Marshal(result.StructuredContent)
				for _, want := range c.want {
					if !strings.Contains(strings.ReplaceAll(string(structured), `\n`, "\n"), want) {
						t.Errorf("%s %v: no %s in %s", c.tool, c.arguments, want, structured)
					}
				}
				if schemas[c.tool].OutputSchema != nil {
					conforms(t, schemas[c.tool].OutputSchema, result.StructuredContent)
				}
			}
		})
	}
}

// conforms wants a value to keep a tool's schema.
func conforms(t *testing.T, schema, value any) {
	t.Helper()
	encoded, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(encoded, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(value); err != nil {
		t.Errorf("%v does not keep its schema: %v", value, err)
	}
}

// A tool gives what the portal says now, as text or as an object, and not both.
func TestPagesFollowTheDocument(t *testing.T) {
	changed := bytes.Replace(nudge.OpenAPI, maximum, higher, 1)
	s := build(t, func(c *portal.Config, _ *mcp.Config) { c.Document = changed })
	session := connectHTTP(t, s, withBasicAuth{})
	result := call(t, session, "get_pages", map[string]any{"urls": []string{portal.Base}})
	if got := text(result); !strings.Contains(got, maximumIs(documented.MaxTTL*2)) || strings.Contains(got, maximumIs(documented.MaxTTL)) || result.StructuredContent != nil {
		t.Errorf("get_pages gives %s and %v", got, result.StructuredContent)
	}
	result = call(t, session, "get_pages", map[string]any{"urls": []string{portal.Base}, "format": "structured"})
	if len(result.Content) != 0 || result.StructuredContent == nil {
		t.Errorf("structured it gives %v and %v", result.Content, result.StructuredContent)
	}
}

// A fragment gives a section, or the line of a field, alone.
func TestFragments(t *testing.T) {
	session := connectHTTP(t, build(t), withBasicAuth{})
	page := publicURL + portal.Base
	for fragment, want := range map[string]string{
		"CreateNotification-body-Ttl": "- `Ttl` integer, ", "CreateNotification-429": "### 429 ", "CreateNotification-parameters": "### Parameters", "error-60309": "60309, status 429",
		"CreateNotification-sample-python": "Python, after `pip install twilio`", "CreateNotification-samples": "Node, after", "authentication": "## Authentication",
		"CreateNotification-429-header-Retry-After": "`Retry-After` integer", "CreateNotification-404-header-Twilio-Request-Id": "`Twilio-Request-Id` string, required, 34 characters",
	} {
		got := text(call(t, session, "get_pages", map[string]any{"urls": []string{page + "#" + fragment}}))
		if !strings.Contains(got, want) || strings.Contains(got, "# Twilio Verify v2") {
			t.Errorf("#%s gives %s", fragment, got)
		}
	}
	if result := call(t, session, "get_pages", map[string]any{"urls": []string{page + "#nowhere"}}); !result.IsError || !strings.Contains(text(result), "has no section #nowhere") {
		t.Errorf("%s", text(result))
	}
}

// The document in parts.
func TestSources(t *testing.T) {
	session := connectHTTP(t, build(t), withBasicAuth{})
	for _, c := range []struct {
		tool, name, value, want string
	}{
		{"get_operation", "id", "CreateNotification", "/Notifications:\n  post:\n    operationId: CreateNotification\n"},
		{"get_schema", "name", "Error", "Error:\n  type: object\n"},
	} {
		if got := text(call(t, session, c.tool, map[string]any{c.name: c.value})); !strings.Contains(got, c.want) {
			t.Errorf("%s gives %s", c.tool, got)
		}
		if result := call(t, session, c.tool, map[string]any{c.name: "Nothing"}); !result.IsError {
			t.Errorf("%s of nothing gives %s", c.tool, text(result))
		}
	}
}

func TestPrompts(t *testing.T) {
	session := connectHTTP(t, build(t), withBasicAuth{})
	listed, err := session.ListPrompts(t.Context(), nil)
	if err != nil || len(listed.Prompts) != 3 {
		t.Fatalf("%v, %v", listed, err)
	}
	for _, p := range listed.Prompts {
		got, err := session.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: p.Name})
		if err != nil || len(got.Messages) != 1 || !strings.Contains(got.Messages[0].Content.(*sdk.TextContent).Text, "CreateNotification") {
			t.Errorf("%s: %v, %v", p.Name, got, err)
		}
		if _, err := session.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: p.Name, Arguments: map[string]string{"operation": "Nothing"}}); err == nil {
			t.Errorf("%s of no operation", p.Name)
		}
	}
}

func TestResources(t *testing.T) {
	session := connectHTTP(t, build(t), withBasicAuth{})
	listed, err := session.ListResources(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	guides, err := fs.Glob(nudge.Guides, "docs/*.md")
	if err != nil || len(listed.Resources) != 4+len(guides)-1 { // README.md is their order.
		t.Errorf("the resources are %v", listed.Resources)
	}
	for _, r := range listed.Resources {
		read, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: r.URI})
		if err != nil || len(read.Contents) != 1 || read.Contents[0].Text == "" || read.Contents[0].MIMEType != r.MIMEType {
			t.Errorf("%s: %v %v", r.URI, read, err)
		}
		if r.MIMEType == "application/yaml" && read.Contents[0].Text != string(nudge.OpenAPI) {
			t.Error("the document is another")
		}
	}
}

// Bad arguments are a tool's error, which the model reads, and not more of them than is useful comes back.
func TestBadArguments(t *testing.T) {
	session := connectStdio(t, build(t))
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		tool      string
		arguments any
		want      string
	}{
		"a missing argument":      {tool: "search", arguments: map[string]any{}, want: "query"},
		"an unknown argument":     {tool: "search", arguments: map[string]any{"query": "x", "limit": 3}, want: `["limit"]; search takes query (required): one word or several; type: `},
		"another type":            {tool: "search", arguments: map[string]any{"query": 3}, want: "query"},
		"an empty query":          {tool: "search", arguments: map[string]any{"query": ""}, want: "minLength"},
		"a long query":            {tool: "search", arguments: map[string]any{"query": strings.Repeat("x", 300)}, want: "; search takes query (required)"},
		"a kind that is none":     {tool: "search", arguments: map[string]any{"query": "x", "type": "y"}, want: "type"},
		"no page":                 {tool: "get_pages", arguments: map[string]any{"urls": []string{}}, want: "minItems"},
		"too many pages":          {tool: "get_pages", arguments: map[string]any{"urls": strings.Split(strings.Repeat("x,", 11), ",")}, want: "maxItems"},
		"a page that is none":     {tool: "get_pages", arguments: map[string]any{"urls": []string{"https://evil.example/"}}, want: "list_pages names all"},
		"a parent that is none":   {tool: "list_pages", arguments: map[string]any{"parent": "/nothing"}, want: "list_pages names all"},
		"a version that is none":  {tool: "list_changes", arguments: map[string]any{"version": "7"}, want: "there are unreleased, 0.9.0"},
		"a change that is none":   {tool: "get_change", arguments: map[string]any{"id": "7-1"}, want: "list_changes names all"},
		"a megabyte of arguments": {tool: "search", arguments: map[string]any{"query": long}, want: "at most 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: c.tool, Arguments: c.arguments})
			if err != nil {
				t.Fatal(err)
			}
			if got := text(result); !result.IsError || !strings.Contains(got, c.want) || len(got) > 600 {
				t.Errorf("got %t %q, wanted something about %s", result.IsError, got, c.want)
			}
		})
	}
}

func post(t *testing.T, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(answer)
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(build(t).Handler())
	t.Cleanup(server.Close)
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
		want   string
	}{
		"a client":                       {body: list, header: nil, status: 200, want: "get_pages"},
		"the public host":                {body: list, header: []string{"Host", "notify.example.com"}, status: 200, want: "get_pages"},
		"the public origin":              {body: list, header: []string{"Host", "notify.example.com", "Origin", publicURL}, status: 200, want: "get_pages"},
		"an evil origin":                 {body: list, header: []string{"Origin", "https://evil.example"}, status: 403, want: "other origins"},
		"an origin that is null":         {body: list, header: []string{"Origin", "null"}, status: 403, want: "other origins"},
		"a page of another site":         {body: list, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, want: "other origins"},
		"an evil host":                   {body: list, header: []string{"Host", "evil.example"}, status: 403, want: publicURL},
		"an evil host and its origin":    {body: list, header: []string{"Host", "evil.example:8080", "Origin", "http://evil.example:8080"}, status: 403, want: publicURL},
		"an evil host that looks right":  {body: list, header: []string{"Host", "notify.example.com.evil.example"}, status: 403, want: publicURL},
		"a megabyte":                     {body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"` + strings.Repeat("x", 1<<20) + `"}}}`, header: nil, status: 413, want: "at most 262144"},
		"arguments that are too large":   {body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"` + strings.Repeat("x", 100_000) + `"}}}`, header: nil, status: 200, want: "at most 65536"},
		"a batch":                        {body: "\n[" + list + "," + list + "]", header: nil, status: 400, want: "batches are refused"},
		"what is no JSON":                {body: `{`, header: nil, status: 400, want: `"code":-32700`},
		"a method that is none":          {body: `{"jsonrpc":"2.0","id":1,"method":"nothing"}`, header: nil, status: 400, want: `{"error":{"code":-32601,"message":"There is no method \"nothing\"."},"id":1,`},
		"a long method":                  {body: `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", 100_000) + `"}`, header: nil, status: 400, want: "There is no method"},
		"a long tool":                    {body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + strings.Repeat("x", 100_000) + `"}}`, header: nil, status: 200, want: "tools/list"},
		"a long resource":                {body: `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"` + strings.Repeat("x", 100_000) + `"}}`, header: nil, status: 200, want: "resources/list"},
		"a tool that is none":            {body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nothing"}}`, header: nil, status: 200, want: "nothing"},
		"an operation, which is no tool": {body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_notification"}}`, header: nil, status: 200, want: "unknown tool"},
	} {
		t.Run(name, func(t *testing.T) {
			response, answer := post(t, server.URL+mcp.Path, c.body, c.header...)
			if response.StatusCode != c.status || !strings.Contains(answer, c.want) || len(answer) > 20_000 || strings.Contains(answer, "xxxxxxxxxx") && len(answer) > 2000 {
				t.Errorf("%d %.300s", response.StatusCode, answer)
			}
		})
	}
	t.Run("callers that send half of a message keep nobody out", func(t *testing.T) {
		for range 40 {
			connection, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = connection.Close() })
			if _, err := fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", mcp.Path); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			if response, answer := post(t, server.URL+mcp.Path, list); response.StatusCode != 200 {
				t.Fatalf("%d %s", response.StatusCode, answer)
			}
		}
	})
	t.Run("a person", func(t *testing.T) {
		response, err := http.Get(server.URL + mcp.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		hint, _ := io.ReadAll(response.Body)
		if response.StatusCode != 405 || response.Header.Get("Allow") != "POST" || !strings.Contains(string(hint), publicURL+mcp.Path) {
			t.Errorf("%d %s", response.StatusCode, hint)
		}
	})
}

// A line that is none of the protocol's is answered, and the session goes on.
func TestStdioSurvivesBadLines(t *testing.T) {
	var out bytes.Buffer
	in := strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`,
		`{bad`, ``, `"` + strings.Repeat("x", 5<<20) + `"`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`,
	}, "\n")
	// The input stays open until the last answer is there, as a client's does.
	input, more := io.Pipe()
	done := make(chan error, 1)
	answers := &lines{all: &out, on: `"id":2`, found: make(chan struct{})}
	go func() { done <- build(t).ServeStdio(t.Context(), input, answers) }()
	if _, err := io.WriteString(more, in+"\n"); err != nil {
		t.Fatal(err)
	}
	<-answers.found
	_ = more.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{`"code":-32700`, "at most 4194304 bytes", `"get_pages"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing says %s", want)
		}
	}
}

// lines keeps what is written and tells when a text is there.
type lines struct {
	all   *bytes.Buffer
	on    string
	found chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.all.Write(p)
	if l.on != "" && strings.Contains(l.all.String(), l.on) {
		l.on = ""
		close(l.found)
	}
	return len(p), nil
}
