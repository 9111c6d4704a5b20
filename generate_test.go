package nudge_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A bound that changes in the document changes what the server accepts, what the client checks, what the documentation and its
// MCP tools say, with no other edit. For a whole second operation the compiler names the one method to write, and everything
// else follows from the document: routing, credentials, validation, client, documentation, MCP tool and contract tests.
// Both are changed in a copy of the module, where the generator runs and programs try the result.
func TestChangedDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a copy of the module")
	}
	dir := copyModule(t, false)
	path := filepath.Join(dir, "openapi.yaml")
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for old, replacement := range map[string]string{"maximum: 300\n": "maximum: 600\n", "\ncomponents:\n": secondOperation + "\ncomponents:\n"} {
		changed := bytes.Replace(document, []byte(old), []byte(replacement), 1)
		if bytes.Equal(changed, document) {
			t.Fatalf("openapi.yaml has no %q", old)
		}
		document = changed
	}
	if err := os.WriteFile(path, document, 0o600); err != nil {
		t.Fatal(err)
	}
	goIn(t, dir, "generate", "./...")
	hint := goCommand(dir, "run", "./cmd/nextsteps")
	if out, err := hint.CombinedOutput(); err != nil || !strings.Contains(string(out), "server.Server lacks the method FetchChallenge") || !strings.Contains(string(out), "endpoint added") {
		t.Errorf("%v: the hint is\n%s", err, out)
	}
	out, err := goCommand(dir, "build", "./...").CombinedOutput()
	missing := "(missing method FetchChallenge)"
	if err == nil || strings.Count(string(out), "missing method") != strings.Count(string(out), missing) || !strings.Contains(string(out), missing) {
		t.Fatalf("the compiler names not the one method: %v\n%s", err, out)
	}
	for name, source := range map[string]string{"server/challenge.go": secondMethod, "bound_test.go": boundProbe, "second_test.go": secondProbe} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goIn(t, dir, "test", "-count=1", "-vet=off", "-run", "^(TestBound|TestSecond)$", ".")
}

const boundProbe = `package nudge_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
	"github.com/nudgehq/nudge/server/servertest"
)

func TestBound(t *testing.T) {
	s := servertest.New(t)
	c, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	challenge := client.Challenge{ServiceSID: "VA" + strings.Repeat("a", 32), Identity: "user-0001", SID: "YC" + strings.Repeat("b", 32)}
	n, err := c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{Ttl: new(600)})
	if err != nil || n.Ttl != 600 {
		t.Errorf("600: %v %v", n, err)
	}
	_, err = c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{Ttl: new(601)})
	var invalid *client.InvalidError
	if !errors.As(err, &invalid) || invalid.Rule != "an integer from 0 to 600" {
		t.Errorf("the client: %v", err)
	}
	r, err := http.NewRequest("POST", s.URL+s.Requests()[0].Path, strings.NewReader(url.Values{"Ttl": {"601"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.AccountSID, s.AuthToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body := make([]byte, 500)
	read, _ := answer.Body.Read(body)
	if answer.StatusCode != 400 || !strings.Contains(string(body[:read]), "an integer from 0 to 600") {
		t.Errorf("the server: %d %s", answer.StatusCode, body[:read])
	}
	p, err := portal.New(portal.Config{PublicURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if markdown := p.Page(portal.Base).Markdown(); !strings.Contains(markdown, "600") || strings.Contains(markdown, "aximum: 300") {
		t.Error("the documentation does not say 600")
	}
	tools, err := mcp.New(mcp.Config{Portal: p, Execute: &mcp.Execute{Transport: http.DefaultTransport, BaseURL: s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	listed := httptest.NewRecorder()
	list := httptest.NewRequest("POST", s.URL+mcp.Path, strings.NewReader(` + "`" + `{"jsonrpc":"2.0","id":1,"method":"tools/list"}` + "`" + `))
	list.Header.Set("Content-Type", "application/json")
	list.Header.Set("Accept", "application/json, text/event-stream")
	tools.Handler().ServeHTTP(listed, list)
	if !strings.Contains(listed.Body.String(), ` + "`" + `"maximum":600` + "`" + `) {
		t.Errorf("the MCP tool: %s", listed.Body)
	}
}
`

const secondOperation = `  /v2/Services/{ServiceSid}/Entities/{Identity}/Challenges/{ChallengeSid}:
    parameters:
      - $ref: '#/components/parameters/ServiceSid'
      - $ref: '#/components/parameters/Identity'
      - $ref: '#/components/parameters/ChallengeSid'
    get:
      operationId: FetchChallenge
      summary: Fetch a Challenge
      x-relations:
        '200':
          equal:
            $response.body#/sid: $request.path.ChallengeSid
      responses:
        '200':
          description: The Challenge.
          headers:
            Twilio-Request-Id:
              $ref: '#/components/headers/Twilio-Request-Id'
          content:
            application/json:
              schema:
                type: object
                required: [sid]
                properties:
                  sid:
                    type: string
        '400':
          $ref: '#/components/responses/BadRequest'
        '401':
          $ref: '#/components/responses/Unauthorized'
        '404':
          $ref: '#/components/responses/NotFound'
        '405':
          $ref: '#/components/responses/MethodNotAllowed'
`

const secondMethod = `package server

import "context"

// FetchChallenge answers the Challenge.
func (s *Server) FetchChallenge(ctx context.Context, r FetchChallengeRequestObject) (FetchChallengeResponseObject, error) {
	return FetchChallenge200JSONResponse{
		Body:    struct{ Sid string ` + "`json:\"sid\"`" + ` }{r.ChallengeSid},
		Headers: FetchChallenge200ResponseHeaders{TwilioRequestId: callFrom(ctx).requestID},
	}, nil
}
`

const secondProbe = `package nudge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
	"github.com/nudgehq/nudge/server/servertest"
)

func TestSecond(t *testing.T) {
	s := servertest.New(t)
	contract.Test(t, s.URL, contract.WithAccount(s.AccountSID, s.AuthToken), contract.WithOnly("^FetchChallenge/"))
	p, err := portal.New(portal.Config{PublicURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if page := p.Page(portal.Base + "/operations/FetchChallenge"); page == nil || !strings.Contains(page.Markdown(), "operations.FetchChallenge(") {
		t.Error("the documentation has no such page, or no sample with the client")
	}
	if _, err := mcp.New(mcp.Config{Portal: p, Execute: &mcp.Execute{Transport: http.DefaultTransport, BaseURL: s.URL}}); err != nil {
		t.Error(err)
	}
}
`

// copyModule copies what the module is made of; its tests and nested modules where they are asked for.
func copyModule(t *testing.T, tests bool) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if path != "." && (nested == nil && !tests || strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(dir, path), 0o700)
		}
		if strings.HasSuffix(path, "_test.go") && !tests {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goIn runs the go command in a directory; its failure is the test's.
func goIn(t *testing.T, dir string, args ...string) (out string) {
	t.Helper()
	combined, err := goCommand(dir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, combined)
	}
	return string(combined)
}

// goCommand is the go command in a directory. With -trimpath, what is compiled in one directory need not be compiled again in another.
func goCommand(dir string, args ...string) *exec.Cmd {
	command := exec.Command("go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -trimpath")
	return command
}
