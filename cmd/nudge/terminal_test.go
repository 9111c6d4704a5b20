package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The words that tell what became of a case have colours; where nobody looks, there are none.
func TestColours(t *testing.T) {
	var b bytes.Buffer
	const report = "FAIL  a FAIL is a failure\n      case: a\n\nSKIP  it is not tried\nFAILED\n"
	if n, err := (colours{&b}).Write([]byte(report)); n != len(report) || err != nil {
		t.Errorf("%d of %d bytes are written: %v", n, len(report), err)
	}
	if want := "\x1b[1;31mFAIL\x1b[0m  a FAIL is a failure\n      case: a\n\n\x1b[1;33mSKIP\x1b[0m  it is not tried\nFAILED\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
	if w := coloured(&b); w != &b {
		t.Errorf("a buffer gets %T", w)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "report"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if w := coloured(file); w != file {
		t.Errorf("a file gets %T", w)
	}
}
