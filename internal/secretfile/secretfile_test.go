package secretfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/internal/secretfile"
)

// Of many who make one at once, one does: all read the same, whole.
func TestMakeAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "key")
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if err := secretfile.Make(path, string(rune('a'+i))); err != nil {
				t.Error(err)
			}
			if data, err := os.ReadFile(path); err != nil || len(data) != 2 {
				t.Errorf("%q %v", data, err)
			}
		})
	}
	group.Wait()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || secretfile.Exposed(path) {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if !secretfile.Exposed(path) {
		t.Error("a group that can read it is not noticed")
	}
}

func TestParse(t *testing.T) {
	check := func(secret string) error {
		if len(secret) < 2 {
			return errors.New("too short")
		}
		return nil
	}
	if got, err := secretfile.Parse([]byte("# the new one\n  one \n\r\ntwo"), check); err != nil || !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%q %v", got, err)
	}
	for _, text := range []string{"", "\n", "# one\n", "one\nx\n"} {
		if got, err := secretfile.Parse([]byte(text), check); err == nil {
			t.Errorf("%q gives %q", text, got)
		}
	}
}
