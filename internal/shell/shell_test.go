package shell

import (
	"os/exec"
	"testing"
)

// A shell reads back what was written.
func TestWord(t *testing.T) {
	for _, text := range []string{"plain", "", "two words", "it's", `back\slash`, "$HOME", "line\nfeed", "\x00"[:0] + "tab\t", "é", "a=b&c"} {
		for _, written := range []string{Word(text), Quote(text), Lines(text)} {
			out, err := exec.Command("bash", "-c", "printf %s "+written).Output()
			if err != nil || string(out) != text {
				t.Errorf("%q is written %s and read %q, %v", text, written, out, err)
			}
		}
	}
	if Word("http://127.0.0.1:8080/a") != "http://127.0.0.1:8080/a" {
		t.Error("what is not special is quoted")
	}
}
