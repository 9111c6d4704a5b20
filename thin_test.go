package nudge_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A test that tries few rows with the race detector is one of those that make test runs without it.
func TestThinTestsRunWhole(t *testing.T) {
	makefile := read(t, "Makefile")
	functions := regexp.MustCompile(`(?ms)^func ((?:Test)\w+|every)\(.*?^}\n`)
	found := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") || path == "thin_test.go" || strings.HasPrefix(path, ".build") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, f := range functions.FindAllStringSubmatch(string(data), -1) {
			if strings.HasPrefix(f[1], "Test") && (strings.Contains(f[0], "thin.Step") || strings.Contains(f[0], "every()")) {
				found++
				if !regexp.MustCompile(`[(|]` + f[1] + `[|)]`).MatchString(makefile) {
					t.Errorf("%s: make test does not run %s without the race detector", path, f[1])
				}
			}
		}
		return nil
	})
	if err != nil || found < 5 {
		t.Errorf("%d tests are thin, %v", found, err)
	}
}
