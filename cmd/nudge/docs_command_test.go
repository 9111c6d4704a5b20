package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const petsDocument = `openapi: 3.1.0
info: {title: Pets, version: 2.0.0}
servers: [{url: "https://pets.example.com"}]
paths:
  /pets:
    $ref: pets.yaml
`

const petsPaths = `get:
  operationId: listPets
  summary: List pets
  parameters:
  - {name: X-Key, in: header, required: true, schema: {type: string, examples: [a]}}
  responses:
    '200': {description: All of them.}
`

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// docs starts nudge docs and gives its URL.
func docs(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	stdout, exit := newLines(), make(chan int, 1)
	go func() { exit <- run(ctx, append([]string{"docs", "--addr=127.0.0.1:0"}, args...), stdout, os.Stderr) }()
	t.Cleanup(func() {
		stop()
		if code := <-exit; code != 0 {
			t.Errorf("it ends with %d", code)
		}
	})
	return stdout.await(t, `docs: (http://127\.0\.0\.1:\d+)/docs`)[1]
}

func TestDocs(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"openapi.yaml": petsDocument, "pets.yaml": petsPaths,
		"versions/accepted.yaml": "accepted: []\n",
		"versions/1.0.0.yaml":    "openapi: 3.1.0\ninfo: {title: Pets, version: 1.0.0}\npaths:\n  /pets:\n    get:\n      operationId: listPets\n      responses: {'200': {description: All.}, '404': {description: None.}}\n",
	})
	base := docs(t, filepath.Join(dir, "openapi.yaml"), "--versions="+filepath.Join(dir, "versions"), "--name=Pet shop", "--accent=#aa0000")
	for path, texts := range map[string][]string{
		"/":                   {"Pet shop", "List pets", "https://pets.example.com"},
		"/docs/changelog":     {"X-Key"},
		"/docs.md":            {"# Pets", "X-Key"},
		"/docs/llms.txt":      {"/docs/operations/listPets.md", "/docs/mcp"},
		"/docs/mcp.json":      {`"pet-shop"`},
		"/docs/search?q=list": {"<mark>List</mark>"},
	} {
		_, body := get(t, base+path)
		for _, text := range texts {
			if !strings.Contains(body, text) {
				t.Errorf("%s lacks %s: %.300s", path, text, body)
			}
		}
		if strings.Contains(body, "twilio") {
			t.Errorf("%s names another API", path)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/docs/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_pages","arguments":{"urls":["`+base+`/docs"]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(answer), "GET /pets") {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestDocsAsFiles(t *testing.T) {
	dir := writeFiles(t, map[string]string{"openapi.yaml": petsDocument, "pets.yaml": petsPaths})
	out := filepath.Join(dir, "site")
	if code, _, stderr := command("docs", filepath.Join(dir, "openapi.yaml"), "--out="+out, "--public-url=https://docs.example.com/pets"); code != 0 || stderr != "" {
		t.Fatalf("%d, %s", code, stderr)
	}
	for name, want := range map[string]string{"index.html": "List pets", "operations/listPets.html": `href="../index.html"`, "llms.txt": "(https://docs.example.com/pets/operations/listPets.md)", "search-index.json": `["operation","List pets","index.html#listPets",`} {
		if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %s: %v, %.300s", name, want, err, data)
		}
	}
}

func TestWrongDocs(t *testing.T) {
	dir := writeFiles(t, map[string]string{"openapi.yaml": petsDocument, "pets.yaml": petsPaths, "none.yaml": "openapi: 3.0.3\ninfo: {title: None, version: '1'}\npaths: {}\n", "mark.svg": "<p>"})
	document := filepath.Join(dir, "openapi.yaml")
	for want, args := range map[string][]string{
		"no such file":     {filepath.Join(dir, "absent.yaml")},
		"has no operation": {filepath.Join(dir, "none.yaml")},
		"the accent":       {document, "--accent=red"},
		"the mark":         {document, "--mark=" + filepath.Join(dir, "mark.svg")},
		"--versions":       {document, "--versions=" + filepath.Join(dir, "absent")},
		"the path must":    {document, "--path=docs"},
		"public URL":       {document, "--public-url=ftp://x"},
		"HOST:PORT":        {document, "--addr=8080"},
	} {
		code, _, stderr := command(append([]string{"docs", "--addr=127.0.0.1:0"}, args...)...)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d, %s", args, code, stderr)
		}
	}
}
