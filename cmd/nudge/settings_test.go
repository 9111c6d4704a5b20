package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Settings that can never work are refused at the start, with what is wrong.
func TestSettingsThatCanNeverWork(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("NUDGE_DATA", filepath.Join(dir, "data"))
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	account := "--account=AC" + strings.Repeat("1", 32) + ":"
	for _, c := range []struct {
		want string
		args []string
	}{
		{want: "white space", args: []string{account + "token "}},
		{want: "white space", args: []string{account + " token"}},
		{want: "hash", args: []string{account + "SHA256:" + strings.Repeat("0", 64)}},
		{want: "is empty", args: []string{"--account="}},
		{want: "port from 1 to 65535", args: []string{"--device=webhook=http://127.0.0.1:99999/"}},
		{want: "port from 1 to 65535", args: []string{"--device=webhook=http://127.0.0.1:0/"}},
		{want: "no fragment", args: []string{"--device=webhook=http://127.0.0.1/#x"}},
		{want: "white space", args: []string{"--device=webhook=http://127.0.0.1/ x"}},
		{want: "is missing", args: []string{"--device=webhook="}},
		{want: "--events-webhook must be one of http://", args: []string{"--events-webhook=ftp://x/"}},
		{want: "--public-url", args: []string{"--public-url=http://h:99999"}},
		{want: "--public-url", args: []string{"--public-url=http://[::1%25lo]:80"}},
		{want: "CORS origin", args: []string{"--cors-origin=https://a.example:443"}},
		{want: "stands alone", args: []string{"--cors-origin=*,https://a.example"}},
		{want: "not a directory", args: []string{"--data=" + file}},
		{want: "--ops-addr", args: []string{"--addr=127.0.0.1:8080", "--ops-addr=127.0.0.1:8080"}},
		{want: "--max-pending must be at least 1", args: []string{"--max-pending=0"}},
		{want: "--max-auth-failures must be at least 0", args: []string{"--max-auth-failures=-1"}},
		{want: "--min-free must be at least 1", args: []string{"--min-free=0"}},
		{want: "invalid port", args: []string{"--addr=127.0.0.1:"}},
		{want: "is for --challenges any", args: []string{"--challenges=" + file, "--device=none"}},
		{want: "is a file", args: []string{"--accounts=AC" + strings.Repeat("1", 32) + ":secret0token"}},
		{want: "24 to 64 bytes", args: []string{"--webhook-secret=whsec_"}},
		{want: "white space", args: []string{"--device-key=" + strings.Repeat("x ", 20)}},
		{want: "such as 10.0.0.0/8", args: []string{"--trusted-proxy=everybody"}},
		{want: "such as 10.0.0.0/8", args: []string{"--webhook-deny=10.0.0.1"}},
		{want: "--accounts is empty", args: []string{"--accounts="}},
		{want: "--tls-cert is empty", args: []string{"--tls-cert=", "--tls-key="}},
		{want: "--events-webhook is empty", args: []string{"--events-webhook", ""}},
		{want: "a value is empty", args: []string{"--webhook-deny="}},
		{want: "--ops-token", args: []string{"--ops-token=x"}},
		{want: "--ops-host", args: []string{"--ops-addr=127.0.0.1:0", "--ops-host=https://x/"}},
		{want: "--drain-delay", args: []string{"--drain-delay=-5s"}},
	} {
		code, stdout, stderr := command(append([]string{"serve", "--addr=127.0.0.1:0", "--ops-addr="}, c.args...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "secret0token") {
			t.Errorf("%v: exit %d, %q; want 2 and %q", c.args, code, stderr, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a data directory was made all the same")
	}
	for _, name := range []string{"NUDGE_ACCOUNTS", "NUDGE_WEBHOOK_SECRET", "NUDGE_TLS_KEY", "NUDGE_OPS_TOKEN"} {
		t.Setenv(name, "")
		if code, _, stderr := command("serve", "--addr=127.0.0.1:0", "--ops-addr="); code != exitUsage || !strings.Contains(stderr, name) {
			t.Errorf("%s is empty: exit %d, %s", name, code, stderr)
		}
		_ = os.Unsetenv(name)
	}
}

// A variable means one thing: those of the server are no other command's.
func TestVariablesMeanOneThing(t *testing.T) {
	for args, not := range map[string]string{"send": "NUDGE_ACCOUNT", "mcp": "NUDGE_ACCOUNT", "contract run": "NUDGE_ACCOUNT", "receive": "NUDGE_ADDR", "contract proxy": "NUDGE_ADDR"} {
		_, help, _ := command(append(strings.Fields(args), "--help")...)
		if strings.Contains(help, "$"+not+")") || strings.Contains(help, "$"+not+",") || help == "" {
			t.Errorf("%s reads %s: %s", args, not, help)
		}
	}
}
