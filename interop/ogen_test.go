package interop_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/contract"
)

// The contract kit raises no false alarm against the server that another generator, ogen, makes of the same document. As it is
// generated, that server breaks one rule, x-canonical, which it does not know; with a strict form before it, none.
func TestContractAgainstOgen(t *testing.T) {
	if testing.Short() {
		t.Skip("it generates and builds a server")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/ogen")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), nudge.OpenAPI, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"go tool ogen --target api --package api openapi.yaml", "go build -o ogenserver ."} {
		words := strings.Fields(command)
		build := exec.Command(words[0], words[1:]...)
		build.Dir = dir
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	for name, c := range map[string]struct {
		args []string
		// fails are the cases that fail, without their operation.
		fails []string
	}{
		"with a strict form": {args: []string{"-strict"}},
		"as it is generated": {fails: []string{
			"values/Ttl +10, with a plus sign, is refused", "values/Ttl 010, with a leading zero, is refused", "values/Ttl 0010, with two leading zeros, is refused",
			"values/Ttl 00, two zeros, is refused", "values/Ttl 000, three zeros, is refused", "values/Ttl -0, minus zero, is refused", "values/Ttl +0, plus zero, is refused",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			const sid, token = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "dev0token"
			url := start(t, filepath.Join(dir, "ogenserver"), append(c.args, "-account", sid, "-token", token)...)
			for seed := range uint64(20) {
				report, err := contract.Run(t.Context(), url, contract.WithAccount(sid, token), contract.WithSeed(seed))
				if err != nil {
					t.Fatal(err)
				}
				var failed []string
				for _, result := range report.Results {
					if result.Failed() {
						failed = append(failed, strings.TrimPrefix(result.Name, "CreateNotification/"))
					}
				}
				if !slices.Equal(failed, c.fails) {
					var text strings.Builder
					_ = report.WriteText(&text)
					t.Fatalf("seed %d: %s", seed, text.String())
				}
			}
		})
	}
}

// start starts a server that prints its URL on its first line.
func start(t *testing.T, program string, args ...string) (url string) {
	t.Helper()
	process := exec.Command(program, args...)
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	url, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}
