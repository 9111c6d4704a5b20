package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/documented"
)

// changedDocument writes the document with a replacement and gives its path.
func changedDocument(t *testing.T, old, replacement string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "openapi.yaml")
	text := strings.Replace(string(nudge.OpenAPI), old, replacement, 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDiff(t *testing.T) {
	same := changedDocument(t, "", "")
	before, _, _ := strings.Cut(string(nudge.OpenAPI), fmt.Sprintf("maximum: %d", documented.MaxTTL))
	line := 1 + strings.Count(before, "\n")
	lower := changedDocument(t, fmt.Sprintf("maximum: %d", documented.MaxTTL), fmt.Sprintf("maximum: %d", documented.MaxTTL-1))
	if code, stdout, _ := command("diff", same, same); code != 0 || stdout != "0 breaking, 0 warning, 0 info\n" {
		t.Errorf("nothing changed: %d %s", code, stdout)
	}
	code, stdout, stderr := command("diff", same, lower)
	if code != exitFailure || !strings.Contains(stdout, fmt.Sprintf("%s:%d: breaking for callers of POST /v2/Services/{ServiceSid}/Entities/{Identity}/Challenges/{ChallengeSid}/Notifications: the `Ttl` request property's max was decreased", lower, line)) || !strings.Contains(stderr, "1 breaking") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
	if code, _, _ := command("diff", lower, same); code != 0 {
		t.Errorf("a raised bound: %d", code)
	}
	if code, _, _ := command("diff", "--fail-on=info", lower, same); code != exitFailure {
		t.Errorf("a raised bound with --fail-on=info: %d", code)
	}
	if code, _, _ := command("diff", "--fail-on=never", same, lower); code != 0 {
		t.Errorf("--fail-on=never: %d", code)
	}
	if _, stdout, _ := command("diff", "--format=markdown", same, lower); !strings.Contains(stdout, "| **breaking** | callers of POST /v2/Services/{ServiceSid}/Entities/{Identity}/Challenges/{ChallengeSid}/Notifications | the `Ttl`") {
		t.Errorf("as Markdown: %s", stdout)
	}
	_, stdout, _ = command("diff", "--format=json", same, lower)
	var report struct{ Changes []map[string]any }
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || report.Changes[0]["rule"] != "request-property-max-decreased" || report.Changes[0]["line"] != float64(line) {
		t.Errorf("as JSON: %v %s", err, stdout)
	}

	accepted := filepath.Join(t.TempDir(), "accepted.yaml")
	text, _ := report.Changes[0]["text"].(string)
	operation, _ := report.Changes[0]["operation"].(string)
	content := "accepted:\n  - {rule: request-property-max-decreased, operation: " + asJSON(t, operation) + ", text: " + asJSON(t, text) + ", reason: nobody sends more}\n  - {rule: x, text: y, reason: z}\n"
	if err := os.WriteFile(accepted, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := command("diff", "--accepted="+accepted, same, lower); code != 0 || !strings.Contains(stdout, "1 accepted") || !strings.Contains(stdout, "accepted, but it is not there: y") {
		t.Errorf("accepted: %d %s", code, stdout)
	}
}

func asJSON(t *testing.T, text string) string {
	t.Helper()
	data, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A document comes from a URL, or from a git revision.
func TestDiffSources(t *testing.T) {
	lower := changedDocument(t, fmt.Sprintf("maximum: %d", documented.MaxTTL), fmt.Sprintf("maximum: %d", documented.MaxTTL-1))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/openapi.yaml" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(nudge.OpenAPI)
	}))
	t.Cleanup(s.Close)
	if code, stdout, _ := command("diff", s.URL+"/openapi.yaml", lower); code != exitFailure || !strings.Contains(stdout, "1 breaking") {
		t.Errorf("from a URL: %d %s", code, stdout)
	}
	dir := t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"add", "openapi.yaml"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first"}} {
		if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), nudge.OpenAPI, 0o600); err != nil {
			t.Fatal(err)
		}
		git := exec.Command("git", args...)
		git.Dir = dir
		if out, err := git.CombinedOutput(); err != nil {
			t.Skipf("git: %v %s", err, out)
		}
	}
	t.Chdir(dir)
	for _, revision := range []string{"HEAD", "HEAD:openapi.yaml"} {
		if code, stdout, stderr := command("diff", revision, lower); code != exitFailure || !strings.Contains(stdout, "1 breaking") {
			t.Errorf("from %s: %d %s %s", revision, code, stdout, stderr)
		}
	}
	for _, wrong := range []string{s.URL + "/nothing", "no-such-revision", "--output=x", "/nothing/openapi.yaml", dir} {
		if code, _, stderr := command("diff", wrong, lower); code != exitUsage || stderr == "" {
			t.Errorf("%s: %d %s", wrong, code, stderr)
		}
	}
}

// The files that a document refers to come from where the document comes from: its folder, its revision, or below its URL.
func TestDiffFilesOfADocument(t *testing.T) {
	const document = "openapi: 3.0.3\ninfo: {title: t, version: v}\npaths:\n  /t:\n    get:\n      operationId: op\n" +
		"      parameters: [{name: n, in: query, schema: {$ref: 'parts/n.yaml'}}]\n      responses: {'200': {description: d}}\n"
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, "specs", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("openapi.yaml", document)
	write("parts/n.yaml", "{type: integer, maximum: 9}\n")
	s := httptest.NewServer(http.StripPrefix("/specs", http.FileServer(http.Dir(filepath.Join(dir, "specs")))))
	t.Cleanup(s.Close)
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first"}} {
		git := exec.Command("git", args...)
		git.Dir = dir
		if out, err := git.CombinedOutput(); err != nil {
			t.Skipf("git: %v %s", err, out)
		}
	}
	if code, stdout, stderr := command("diff", s.URL+"/specs/openapi.yaml", filepath.Join(dir, "specs", "openapi.yaml")); code != 0 {
		t.Errorf("below a URL: %d %s %s", code, stdout, stderr)
	}
	write("parts/n.yaml", "{type: integer, maximum: 8}\n")
	t.Chdir(dir)
	if code, stdout, stderr := command("diff", "HEAD:specs/openapi.yaml", "specs/openapi.yaml"); code != exitFailure || !strings.Contains(stdout, "1 breaking") {
		t.Errorf("in a revision: %d %s %s", code, stdout, stderr)
	}
	t.Chdir("specs")
	for _, revision := range []string{"HEAD:./openapi.yaml", "HEAD:../specs/openapi.yaml"} {
		if code, stdout, stderr := command("diff", revision, "openapi.yaml"); code != exitFailure || !strings.Contains(stdout, "1 breaking") {
			t.Errorf("in a revision, as %s: %d %s %s", revision, code, stdout, stderr)
		}
	}
}

// A $ref to another host is followed only where the host is named, and no further.
func TestRefHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{type: integer, maximum: 9}\n")
	}))
	t.Cleanup(other.Close)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved.yaml" {
			http.Redirect(w, r, other.URL, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "{type: integer, maximum: 9}\n")
	}))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	write := func(ref string) string {
		path := filepath.Join(t.TempDir(), "openapi.yaml")
		document := "openapi: 3.0.3\ninfo: {title: t, version: v}\npaths:\n  /t:\n    get:\n      operationId: op\n" +
			"      parameters: [{name: n, in: query, schema: {$ref: '" + ref + "'}}]\n      responses: {'200': {description: d}}\n"
		if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write(s.URL + "/n.yaml")
	if code, _, stderr := command("contract", "--dry-run", "--spec", path); code == 0 || !strings.Contains(stderr, "--ref-host="+host) {
		t.Errorf("without the host: %d %s", code, stderr)
	}
	if code, stdout, stderr := command("contract", "--dry-run", "--spec", path, "--ref-host", host); code != 0 || !strings.Contains(stdout, "n 9, its maximum") {
		t.Errorf("with the host: %d %s %s", code, stdout, stderr)
	}
	if code, stdout, stderr := command("diff", path, path, "--ref-host", host); code != 0 {
		t.Errorf("diff: %d %s %s", code, stdout, stderr)
	}
	if code, _, stderr := command("contract", "--dry-run", "--spec", write(s.URL+"/moved.yaml"), "--ref-host", host); code == 0 || !strings.Contains(stderr, "redirects to "+other.URL) {
		t.Errorf("moved to another host: %d %s", code, stderr)
	}
}
