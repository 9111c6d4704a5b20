package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// examples are shown below a command's help, by its name.
var examples = map[string][]string{
	"serve":   {"nudge serve", "nudge serve --addr :8080 --ops-addr 127.0.0.1:8081 --data /var/lib/nudge --accounts accounts.yaml --challenges challenges.yaml"},
	"send":    {"nudge send --account ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:dev0token --service VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --identity ff483d1ff591898a9942916050d2ca3f --challenge YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --ttl 150"},
	"mcp":     {"nudge mcp", "nudge mcp --url https://notify.example.com"},
	"version": {"nudge version", "nudge version --json"},
	"docs":    {"nudge docs openapi.yaml", "nudge docs openapi.yaml --versions versions --guides docs", "nudge docs openapi.yaml --out site --public-url https://docs.example.com"},
	"diff":    {"nudge diff HEAD~1:openapi.yaml openapi.yaml"},

	"contract run":   {"nudge contract --url http://127.0.0.1:8080 --account ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:dev0token", "nudge contract --spec openapi.yaml --url http://127.0.0.1:3000 --junit report.xml"},
	"contract proxy": {"nudge contract proxy --to http://127.0.0.1:8080"},

	"ready":         {"nudge ready", "nudge ready --ops-url http://127.0.0.1:8081"},
	"status":        {"nudge status NTaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	"tail":          {"nudge tail", "nudge tail --type failed,expired --channel webhook", "nudge tail --json | jq .notification.sid"},
	"device":        {"nudge device --service VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --identity ff483d1ff591898a9942916050d2ca3f", "nudge device --service VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --identity ff483d1ff591898a9942916050d2ca3f --no-ack"},
	"receive":       {"nudge receive", "nudge receive --status 500"},
	"device-token":  {"nudge device-token --service VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --identity ff483d1ff591898a9942916050d2ca3f --valid 720h"},
	"device-revoke": {"nudge device-revoke --service VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --identity ff483d1ff591898a9942916050d2ca3f"},

	"channels check": {"nudge channels check channels.yaml"},
	"channels send":  {"nudge channels send channels.yaml phone -"},
	"vapid":          {"nudge vapid vapid.key"},
	"store check":    {"nudge store check nudge-data"},
	"store backup":   {"nudge store backup nudge-data /backup/nudge-today"},
	"migrate":        {"nudge migrate --from nudge-data --to nats://127.0.0.1:4222"},

	"challenges put": {"nudge challenges put challenges.yaml --store nats://nats-a:4222,nats-b:4222"},
	"challenges get": {"nudge challenges get --store nats://nats-a:4222,nats-b:4222"},
	"challenges rm":  {"nudge challenges rm YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --store nats://nats-a:4222,nats-b:4222"},
	"accounts put":   {"nudge accounts put accounts.yaml --store nats://nats-a:4222,nats-b:4222"},
	"accounts get":   {"nudge accounts get --store nats://nats-a:4222,nats-b:4222"},
	"accounts rm":    {"nudge accounts rm ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --store nats://nats-a:4222,nats-b:4222"},

	"completion": {"source <(nudge completion bash)", "nudge completion fish > ~/.config/fish/completions/nudge.fish"},
	"man":        {"nudge man | man -l -"},
}

// helpWithExamples prints a command's help, and how it is used.
func helpWithExamples(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	selected := ctx.Selected()
	if selected == nil {
		return nil
	}
	list := examples[strings.TrimPrefix(selected.FullPath(), ctx.Model.Name+" ")]
	if len(list) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(ctx.Stdout, "\nExamples:\n  %s\n", strings.Join(list, "\n  "))
	return err
}
