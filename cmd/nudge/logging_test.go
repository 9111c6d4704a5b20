package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// A log that nobody reads holds up nobody, and what was dropped is counted and said.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		log, lines := newLogger(writer, "json", "info")
		for i := range bufferedLines + 100 {
			log.Info("line", slog.Int("i", i))
		}
		if lines.droppedLines() == 0 {
			t.Error("nothing was dropped")
		}
		read := make(chan string)
		go func() {
			text, _ := io.ReadAll(reader)
			read <- string(text)
		}()
		synctest.Wait()
		log.Debug("not logged")
		log.Info("the last")
		lines.close()
		_ = writer.Close()
		text := <-read
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("not JSON: %s", line)
			}
		}
		if !strings.Contains(text, "log lines were dropped") || !strings.Contains(text, "the last") || strings.Contains(text, "not logged") {
			t.Errorf("the log ends with %s", text[len(text)-300:])
		}
	})
}

// The end of the process does not wait for ever for a reader of the log.
func TestLogThatNobodyReadsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		reader, writer := io.Pipe()
		log, lines := newLogger(writer, "text", "info")
		log.Info("line")
		lines.close()
		_ = reader.Close()
	})
}

func TestJSONFromTheFirstLine(t *testing.T) {
	r := serve(t, "--log-format=json")
	if r.stdout.String() != "" {
		t.Errorf("on standard output: %s", r.stdout)
	}
	r.end()
	for line := range strings.Lines(r.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestNoAccessLog(t *testing.T) {
	r := serve(t, "--no-access-log", "--log-level=error")
	r.create(t, "0")
	r.end()
	if r.stderr.String() != "" {
		t.Errorf("logged: %s", r.stderr)
	}
}
