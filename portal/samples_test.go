package portal_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/server/servertest"
)

// What is pasted from the page runs. Those in JavaScript and in Python run where the official SDKs are installed.
func TestSamplesRun(t *testing.T) {
	s := servertest.New(t)
	written := func(c *portal.Config) {
		c.PublicURL = s.URL
		c.Credentials = portal.Credentials{Username: s.AccountSID, Password: s.AuthToken}
	}
	fromEnvironment := func(c *portal.Config) { c.PublicURL = s.URL }
	for name, configure := range map[string]func(*portal.Config){"credentials written": written, "credentials from the environment": fromEnvironment} {
		samples := pasted(t, build(t, configure))
		for _, language := range []string{"bash", "go"} {
			t.Run(name+" "+language, func(t *testing.T) {
				if _, err := exec.LookPath("curl"); err != nil && language == "bash" {
					t.Skip("curl is not installed")
				}
				before := len(s.Requests())
				command := exec.Command("bash", "-c", samples[language])
				if language == "go" {
					file := filepath.Join(t.TempDir(), "main.go")
					if err := os.WriteFile(file, []byte(samples[language]), 0o600); err != nil {
						t.Fatal(err)
					}
					command = exec.Command("go", "run", file)
				}
				command.Env = append(os.Environ(), "TWILIO_ACCOUNT_SID="+s.AccountSID, "TWILIO_AUTH_TOKEN="+s.AuthToken)
				out, err := command.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s\n%s", err, samples[language], out)
				}
				requests := s.Requests()
				if len(requests) != before+1 || requests[before].Status != 201 {
					t.Fatalf("it made %+v\n%s", requests[before:], out)
				}
				if n := s.Notifications(); n[len(n)-1].TTL.Seconds() != 150 || !strings.Contains(string(out), n[len(n)-1].SID) {
					t.Errorf("it created %+v and printed %s", n[len(n)-1], out)
				}
			})
		}
	}
}

// The Go sample of an operation that the client has no method of its own for goes through the generated operations.
func TestGeneratedGoSampleCompiles(t *testing.T) {
	other := bytes.Replace(nudge.OpenAPI, []byte("      operationId: CreateNotification"), []byte("      operationId: SendNotification"), 1)
	sample := pasted(t, build(t, func(c *portal.Config) { c.Document = other }))["go"]
	if !strings.Contains(sample, "operations.SendNotificationWithBody(") {
		t.Fatalf("the sample is\n%s", sample)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(sample, "SendNotification", "CreateNotification")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, sample, out)
	}
}

// A value is written as each language has it.
func TestSamplesWriteValuesAsTheirLanguageDoes(t *testing.T) {
	document := strings.Replace(string(nudge.OpenAPI), "        Ttl:\n          type: integer\n", "        Quiet:\n          type: boolean\n        Note:\n          type: string\n        Ttl:\n          type: integer\n", 1)
	document = strings.Replace(document, "                  Ttl: 150\n", "                  Ttl: 150\n                  Quiet: true\n                  Note: \"a\\ab\\U0001F514\"\n", 1)
	samples := pasted(t, build(t, func(c *portal.Config) { c.Document = []byte(document) }))
	for language, want := range map[string][]string{
		"go": {"Quiet: new(true)", `"a\u0007b🔔"`}, "javascript": {"quiet: true", `"a\u0007b🔔"`}, "python": {"quiet=True", `"a\u0007b🔔"`},
	} {
		for _, text := range want {
			if !strings.Contains(samples[language], text) {
				t.Errorf("%s lacks %s:\n%s", language, text, samples[language])
			}
		}
	}
}

// pasted takes the samples from the page, by their language.
func pasted(t *testing.T, p *portal.Portal) map[string]string {
	t.Helper()
	_, page := get(t, serve(t, p).URL+portal.Base)
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]string{}
	language := ""
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "data-language" {
				language = a.Val
			}
			if a.Key == "class" && a.Val == "sample" {
				// What stands on the page is read without its marks, as it is copied.
				var text strings.Builder
				for inner := range n.Descendants() {
					if inner.Type == html.TextNode {
						text.WriteString(inner.Data)
					}
				}
				samples[language] = text.String()
			}
		}
	}
	for _, want := range []string{"bash", "go", "javascript", "python", "java"} {
		if samples[want] == "" {
			t.Fatalf("the page has no sample in %s", want)
		}
	}
	return samples
}
