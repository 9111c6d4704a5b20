package portal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/portal"
)

// make release-document keeps the document as a version that the changelog shows with its day, its summary and what was accepted.
func TestReleaseDocument(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "versions"), os.DirFS("../versions")); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), document, 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "versions", "release")
	said, err := exec.CommandContext(t.Context(), bash, script, "77.1.0", "What's new: *all*.").CombinedOutput()
	if err != nil {
		t.Fatalf("%v, %s", err, said)
	}
	released, err := os.ReadFile(filepath.Join(dir, "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := portal.New(portal.Config{Document: released, PublicURL: publicURL, Versions: os.DirFS(filepath.Join(dir, "versions"))})
	if err != nil {
		t.Fatal(err)
	}
	newest := p.Versions()[0]
	if newest.Name != "77.1.0" || len(newest.Date) != len("2026-03-04") || newest.Summary != "What's new: *all*." || p.Reference().Version != "77.1.0" {
		t.Errorf("the newest version is %+v", newest)
	}
	reasons := func(of portal.Version) (n int) {
		for _, c := range of.Changes {
			if c.Reason != "" {
				n++
			}
		}
		return n
	}
	before := build(t, func(*portal.Config) {}).Versions()[0]
	if reasons(newest) != reasons(before) {
		t.Errorf("%d breaks have a reason, and %d had one", reasons(newest), reasons(before))
	}
	for _, version := range []string{"77.1.0", "77.0.9", "next", ""} {
		if said, err := exec.CommandContext(t.Context(), bash, script, version).CombinedOutput(); err == nil || !strings.Contains(string(said), "VERSION") && !strings.Contains(string(said), "already") {
			t.Errorf("%q: %v, %s", version, err, said)
		}
	}
}
