package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// seen is a terminal as far as commands can tell.
type seen struct{ *lines }

func (seen) IsTerminal() bool { return true }

// leaves names all commands that can be run, as they are called.
func leaves(t *testing.T) (names []string) {
	t.Helper()
	model, err := kong.New(&commands{}, kong.Vars(vars()))
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range model.Model.Leaves(true) {
		names = append(names, strings.TrimPrefix(leaf.FullPath(), model.Model.Name+" "))
	}
	return names
}

func TestVersion(t *testing.T) {
	code, text, _ := command("version")
	for _, want := range []string{"nudge ", "commit ", "date ", "go go1.", "document ", "store ", "NATS layout "} {
		if code != 0 || !strings.Contains(text, want) {
			t.Errorf("%d, no %q in %s", code, want, text)
		}
	}
	var b buildInfo
	if _, text, _ := command("version", "--json"); json.Unmarshal([]byte(text), &b) != nil || b.Document == "" || b.Store == "" || b.Layout == "" {
		t.Errorf("%s", text)
	}
	r := serve(t)
	if _, metrics := get(t, r.ops+"/metrics"); !strings.Contains(metrics, "nudge_build_info{") || !strings.Contains(metrics, `document="`+b.Document+`"`) {
		t.Error("no metric says the version")
	}
}

// Whoever asks for help gets it, with an example of each command that the command line takes.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		if code, text, stderr := command(args...); code != 0 || !strings.Contains(text, "Usage: nudge <command>") || stderr != "" {
			t.Errorf("%q: %d, %s%s", args, code, text, stderr)
		}
	}
	for _, name := range leaves(t) {
		words := strings.Fields(name)
		code, text, _ := command(append([]string{"help"}, words...)...)
		_, shown, ok := strings.Cut(text, "\nExamples:\n")
		if code != 0 || !ok || !strings.Contains(text, "Usage: nudge "+name) {
			t.Errorf("the help of %s has no examples: %s", name, text)
			continue
		}
		for line := range strings.Lines(shown) {
			line = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "source <("), ")")
			line, _, _ = strings.Cut(line, " |")
			line, _, _ = strings.Cut(line, " >")
			args := strings.Fields(line)
			parser, err := kong.New(&commands{}, kong.Vars(vars()))
			if err != nil {
				t.Fatal(err)
			}
			if len(args) < 2 || args[0] != "nudge" {
				t.Errorf("%s is no example", line)
			} else if _, err := parser.Parse(args[1:]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	for name := range examples {
		if !slices.Contains(leaves(t), name) {
			t.Errorf("there are examples of %s, which is no command", name)
		}
	}
}

func TestCompletionAndMan(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string
		not   string
	}{
		{nil, "serve\n", "complete\n"}, {[]string{"store"}, "backup\n", "serve\n"}, {[]string{"tail"}, "--channel\n", "serve\n"}, {[]string{"tail", "--sid", "x"}, "--type\n", "serve\n"},
	} {
		code, text, stderr := command(append([]string{"complete", "--"}, c.words...)...)
		if code != 0 || !strings.Contains(text, c.want) || strings.Contains(text, c.not) {
			t.Errorf("after %q: %d, %s%s", c.words, code, text, stderr)
		}
	}
	for shell, want := range map[string]string{"bash": "complete -o default", "zsh": "#compdef nudge", "fish": "complete -c nudge"} {
		code, script, _ := command("completion", shell)
		if code != 0 || !strings.Contains(script, want) {
			t.Errorf("%s: %d, %s", shell, code, script)
		}
		if path, err := exec.LookPath(shell); err == nil {
			check := exec.CommandContext(t.Context(), path, "-n")
			check.Stdin = strings.NewReader(script)
			if said, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s: %v, %s", shell, err, said)
			}
		}
	}
	if code, page, _ := command("man"); code != 0 || !strings.Contains(page, ".TH NUDGE 1") || !strings.Contains(page, "serve") {
		t.Errorf("%d, %.300s", code, page)
	}
}

// Somebody who looks gets text, one line an event; others get JSON.
func TestTailForReaders(t *testing.T) {
	r := serve(t, "--test-clock")
	ctx, stop := context.WithCancel(t.Context())
	text, only, ended := seen{newLines()}, seen{newLines()}, make(chan int, 2)
	go func() { ended <- run(ctx, []string{"tail", "--ops-url=" + r.ops}, text, newLines()) }()
	go func() {
		ended <- run(ctx, []string{"tail", "--json", "--type=expired", "--ops-url=" + r.ops}, only, newLines())
	}()
	// Until both watch.
	for !strings.Contains(text.String(), "CREATED") || !strings.Contains(only.String(), "\n") {
		r.create(t, "1")
		r.advance(t, "2s")
	}
	sid := r.create(t, "150")
	text.await(t, `(?m)^CREATED   \d\d:\d\d:\d\d `+sid+` of \S+ by stream$`)
	text.await(t, `(?m)^ATTEMPTED \d\d:\d\d:\d\d `+sid+` of \S+ by stream waiting`)
	r.advance(t, "150s")
	only.await(t, `(?m)^\{"type":"expired".*"sid":"`+sid)
	if strings.Contains(only.String(), `"created"`) {
		t.Errorf("events of other types are printed: %s", only)
	}
	table := seen{newLines()}
	if code := run(ctx, []string{"status", "--ops-url=" + r.ops, sid}, table, newLines()); code != 0 || !strings.Contains(table.String(), "EXPIRED") || !strings.Contains(table.String(), "attempts") || strings.Contains(table.String(), "{") {
		t.Errorf("%d, %s", code, table)
	}
	stop()
	for range 2 {
		if code := <-ended; code != 0 {
			t.Errorf("exit %d", code)
		}
	}
}

// tail waits for a server that went away, and says so once.
func TestTailReconnects(t *testing.T) {
	r := serve(t)
	stderr, ended := newLines(), make(chan int, 1)
	ctx, stop := context.WithCancel(t.Context())
	stdout := newLines()
	go func() { ended <- run(ctx, []string{"tail", "--ops-url=" + r.ops}, stdout, stderr) }()
	for !strings.Contains(stdout.String(), "created") {
		r.create(t, "0")
	}
	r.end()
	stderr.await(t, "connecting again")
	address := strings.TrimPrefix(r.ops, "http://")
	again := serve(t, "--ops-addr="+address)
	stderr.await(t, `connected again, at try \d+`)
	if n := strings.Count(stderr.String(), "connecting again"); n != 1 {
		t.Errorf("it is said %d times: %s", n, stderr)
	}
	again.end()
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
}

// What is wrong is told by the names that whoever called it has.
func TestErrorsNameFlags(t *testing.T) {
	r := serve(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"status", "--ops-url=" + r.ops, "NT123"}, exitUsage, `"NT123" is no notification's SID`},
		{[]string{"status", "--ops-url=" + r.url, "NT" + strings.Repeat("a", 32)}, exitUsage, "--ops-addr"},
		{[]string{"tail", "--ops-url=" + r.url}, exitUsage, "--ops-addr"},
		{[]string{"send", "--url=" + r.url, development, "--service=VA1", "--identity=x", "--challenge=YC1"}, exitUsage, "--service must be"},
		{append([]string{"send", "--url=" + r.url, development, "--ttl=-1"}, target...), exitUsage, "--ttl must be"},
	} {
		if code, _, stderr := command(c.args...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: %d, %s", c.args, code, stderr)
		}
	}
}

// The device counts down for somebody who looks, and leaves what it is told to leave.
func TestDeviceForReaders(t *testing.T) {
	r := serve(t, "--device-key=0123456789abcdef0123456789abcdef")
	ctx, stop := context.WithCancel(t.Context())
	flags := []string{"device", "--url=" + r.url, "--device-key=0123456789abcdef0123456789abcdef", target[0], target[1]}
	stdout, stderr, ended := seen{newLines()}, newLines(), make(chan int, 1)
	go func() { ended <- run(ctx, append(flags, "--no-ack"), stdout, stderr) }()
	stderr.await(t, "connected; waiting")
	sid := r.create(t, "150")
	stdout.await(t, `ARRIVED \d\d:\d\d:\d\d `+sid+` for YC\w+, valid 1\d\d s`)
	stdout.await(t, `\d+ s left`)
	if n := r.status(t, sid); n.State != "pending" {
		t.Errorf("it is %s", n.State)
	}
	stop()
	<-ended
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	stdout = seen{newLines()}
	go func() { ended <- run(ctx, flags, stdout, newLines()) }()
	stdout.await(t, `ACKNOWLEDGED \d\d:\d\d:\d\d `+sid)
	stop()
	<-ended
}
