package reload_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/internal/reload"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func upper(data []byte) (string, error) {
	if len(data) == 0 {
		return "", errors.New("it is empty")
	}
	return strings.ToUpper(string(data)), nil
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var log bytes.Buffer
	if _, err := reload.Open(path, slog.New(slog.NewTextHandler(&log, nil)), upper); err == nil {
		t.Error("a file that is not there is opened")
	}
	write(t, path, "a")
	f, err := reload.Open(path, slog.New(slog.NewTextHandler(&log, nil)), upper)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ text, want, said string }{{text: "b", want: "B", said: "file read again"}, {text: "", want: "B", said: "it is empty"}, {text: "c", want: "C", said: "file read again"}} {
		log.Reset()
		write(t, path, step.text)
		for range 3 {
			if got := f.Value(); got != step.want {
				t.Errorf("%q gives %q", step.text, got)
			}
		}
		if strings.Count(log.String(), step.said) != 1 {
			t.Errorf("%q: the log is %s", step.text, log.String())
		}
	}
	log.Reset()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := f.Value(); got != "C" {
			t.Errorf("without the file: %q", got)
		}
	}
	if strings.Count(log.String(), "not readable") != 1 {
		t.Errorf("without the file the log is %s", log.String())
	}
}

// Nobody waits for a large file: the version before it is in force until it is read.
func TestLargeFileIsReadAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, strings.Repeat("a", 100_000))
	reading, letGo := make(chan bool), make(chan bool)
	var first atomic.Bool
	first.Store(true)
	f, err := reload.Open(path, slog.New(slog.DiscardHandler), func(data []byte) (byte, error) {
		if !first.Swap(false) {
			reading <- true
			<-letGo
		}
		return data[0], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Repeat("b", 200_000))
	if f.Value() != 'a' {
		t.Error("somebody waited")
	}
	<-reading
	for range 10 {
		if f.Value() != 'a' {
			t.Error("it is in force before it was read")
		}
	}
	letGo <- true
	done := make(chan bool)
	go func() {
		// What was read within the clock's granularity is read once more; let that go on too.
		for {
			select {
			case <-reading:
				letGo <- true
			case <-done:
				return
			}
		}
	}()
	f.Refresh()
	if f.Value() != 'b' {
		t.Error("it is not in force")
	}
	close(done)
}

func TestRefreshReadsWhatLooksTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	at := time.Unix(1e9, 0)
	put := func(text string) {
		write(t, path, text)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	f, err := reload.Open(path, slog.New(slog.DiscardHandler), upper)
	if err != nil {
		t.Fatal(err)
	}
	put("b")
	if f.Value() != "A" {
		t.Error("the change can be seen")
	}
	f.Refresh()
	if f.Value() != "B" {
		t.Error("it was not read again")
	}
}
