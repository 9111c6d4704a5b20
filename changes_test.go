//go:build changes

package nudge_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// In copies of the module the document changes and the generator runs. Then all tests pass with no other edit, or what does not
// compile is what make generate names. It takes some minutes: make changes.
func TestDocumentChanges(t *testing.T) {
	const query = `      parameters:
        - name: Urgency
          in: query
          required: REQUIRED
          description: How urgent it is.
          schema:
            type: string
            enum: [low, high]
          example: high
      requestBody:
`
	for _, change := range []struct {
		name string
		// edits are pairs of a text of the document and its replacement, once or everywhere.
		once, all [][2]string
		// files are those that do not compile afterwards; none when all tests pass.
		files []string
	}{
		{
			name: "other bounds, another default and prefix, and a new field with an enum",
			once: [][2]string{
				{"maximum: 300\n", "maximum: 600\n"}, {"          default: 300\n", "          default: 120\n"},
				{"        Ttl:\n", "        Sound:\n          type: string\n          enum: [none, bell]\n          description: What is heard.\n        Ttl:\n"},
			},
			all: [][2]string{{"VA", "VX"}},
		},
		{name: "a renamed field", all: [][2]string{{"Ttl", "Lifetime"}}, files: []string{"client/client.go", "server/notification.go"}},
		{name: "a new optional query parameter", once: [][2]string{{"      requestBody:\n", strings.Replace(query, "REQUIRED", "false", 1)}}, files: []string{"client/client.go"}},
		{name: "a new required query parameter", once: [][2]string{{"      requestBody:\n", strings.Replace(query, "REQUIRED", "true", 1)}}, files: []string{"client/client.go"}},
	} {
		t.Run(change.name, func(t *testing.T) {
			dir := copyModule(t, true)
			edit(t, filepath.Join(dir, "openapi.yaml"), change.once, change.all)
			goIn(t, dir, "generate", "./...")
			advice := goIn(t, dir, "run", "./cmd/nextsteps")
			if len(change.files) == 0 {
				if !strings.Contains(advice, "nothing has to be written") {
					t.Fatalf("make generate says:\n%s", advice)
				}
				// The tests that the README and docs/testing.md show have SIDs and TTLs as a reader types them.
				goIn(t, dir, "test", "-short", "-skip", "^(TestMyNotifier|TestArrivesWhenTheDeviceIsBack|TestExpires|TestAnsweredChallenge)$", "./...")
				return
			}
			place := regexp.MustCompile(`(?m)^\s*(\S+\.go):(\d+)`)
			compiler := exec.Command("go", "build", "-gcflags=-e", "./...")
			compiler.Dir = dir
			out, err := compiler.CombinedOutput()
			if err == nil {
				t.Fatal("it compiles")
			}
			want, got := places(place, string(out)), places(place, advice)
			if !slices.Equal(want, got) {
				t.Errorf("make generate names %v; what does not compile is %v", got, want)
			}
			for _, file := range change.files {
				if !strings.Contains(advice, file+":") {
					t.Errorf("make generate does not name %s:\n%s", file, advice)
				}
			}
		})
	}
}

// places lists files with lines, each once.
func places(place *regexp.Regexp, text string) []string {
	var list []string
	for _, found := range place.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.TrimPrefix(found[1], "./")+":"+found[2])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// edit changes a file: each pair must be there.
func edit(t *testing.T, path string, once, all [][2]string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range slices.Concat(once, all) {
		times := 1
		if i >= len(once) {
			times = -1
		}
		changed := bytes.Replace(data, []byte(pair[0]), []byte(pair[1]), times)
		if bytes.Equal(changed, data) {
			t.Fatalf("the document has no %q", pair[0])
		}
		data = changed
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
