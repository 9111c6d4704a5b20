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
		{"white space", []string{account + "token "}},
		{"white space", []string{account + " token"}},
		{"hash", []string{account + "SHA256:" + strings.Repeat("0", 64)}},
		{"is empty", []string{"--account="}},
		{"port from 1 to 65535", []string{"--device=webhook=http://127.0.0.1:99999/"}},
		{"port from 1 to 65535", []string{"--device=webhook=http://127.0.0.1:0/"}},
		{"no fragment", []string{"--device=webhook=http://127.0.0.1/#x"}},
		{"white space", []string{"--device=webhook=http://127.0.0.1/ x"}},
		{"is missing", []string{"--device=webhook="}},
		{"--events-webhook must be one of http://", []string{"--events-webhook=ftp://x/"}},
		{"--public-url", []string{"--public-url=http://h:99999"}},
		{"--public-url", []string{"--public-url=http://[::1%25lo]:80"}},
		{"CORS origin", []string{"--cors-origin=https://a.example:443"}},
		{"stands alone", []string{"--cors-origin=*,https://a.example"}},
		{"not a directory", []string{"--data=" + file}},
		{"--ops-addr", []string{"--addr=127.0.0.1:8080", "--ops-addr=127.0.0.1:8080"}},
		{"--max-pending must be at least 1", []string{"--max-pending=0"}},
		{"--max-auth-failures must be at least 0", []string{"--max-auth-failures=-1"}},
		{"--min-free must be at least 1", []string{"--min-free=0"}},
		{"invalid port", []string{"--addr=127.0.0.1:"}},
		{"is for --challenges any", []string{"--challenges=" + file, "--device=none"}},
		{"is a file", []string{"--accounts=AC" + strings.Repeat("1", 32) + ":secret0token"}},
		{"24 to 64 bytes", []string{"--webhook-secret=whsec_"}},
		{"white space", []string{"--device-key=" + strings.Repeat("x ", 20)}},
		{"such as 10.0.0.0/8", []string{"--trusted-proxy=everybody"}},
		{"such as 10.0.0.0/8", []string{"--webhook-deny=10.0.0.1"}},
		{"--accounts is empty", []string{"--accounts="}},
		{"--tls-cert is empty", []string{"--tls-cert=", "--tls-key="}},
		{"--events-webhook is empty", []string{"--events-webhook", ""}},
		{"a value is empty", []string{"--webhook-deny="}},
		{"--ops-token", []string{"--ops-token=x"}},
		{"--ops-host", []string{"--ops-addr=127.0.0.1:0", "--ops-host=https://x/"}},
		{"--drain-delay", []string{"--drain-delay=-5s"}},
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
