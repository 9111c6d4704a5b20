package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var helpFlag = regexp.MustCompile(`(?m)^ {2,6}(?:-\w, )?(?:    )?--([a-z-]+)\b`)

// help is what a command says of itself, and its flags.
func help(args ...string) (text string, flags []string) {
	_, text, _ = command(append(args, "--help")...)
	text = strings.ReplaceAll(text, "--[no-]", "--")
	for _, flag := range helpFlag.FindAllStringSubmatch(text, -1) {
		// These are every command's.
		if flag[1] != "version" && flag[1] != "help" {
			flags = append(flags, flag[1])
		}
	}
	return text, flags
}

// The docs' tables have the flags of serve and contract, and serve's each with its default.
func TestDocsListTheFlags(t *testing.T) {
	for page, args := range map[string][]string{"operating.md": {"serve"}, "contract.md": {"contract", "run"}} {
		text, flags := help(args...)
		if len(flags) < 12 {
			t.Fatalf("%d flags in %s", len(flags), text)
		}
		data, err := os.ReadFile(filepath.Join("../../docs", page))
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range flags {
			row := regexp.MustCompile("(?m)^\\|.*`--" + flag + "\\b[^|]*\\| (.*?) \\|").FindStringSubmatch(string(data))
			if row == nil && flag != "url" {
				t.Errorf("docs/%s does not list --%s", page, flag)
				continue
			}
			if args[0] != "serve" {
				continue
			}
			if value, quoted := strings.CutPrefix(row[1], "`"); quoted && !strings.Contains(text, strings.TrimSuffix(value, "`")) {
				t.Errorf("docs/%s says that --%s is %s by default; the help does not", page, flag, row[1])
			}
		}
		for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)").FindAllStringSubmatch(string(data), -1) {
			if !strings.Contains(text, "--"+row[1]) {
				t.Errorf("docs/%s lists --%s, which the command does not have", page, row[1])
			}
		}
	}
}

// Every command line of the docs has a command, and flags that it has.
func TestDocsCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range append(pages, "../../README.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?ms)^```sh\n.*?^```").FindAllString(string(data), -1)
		text := strings.ReplaceAll(strings.Join(blocks, "\n"), "\\\n", " ")
		for _, line := range regexp.MustCompile("(?m)^nudge (.*)$").FindAllStringSubmatch(text, -1) {
			seen++
			line, _, _ := strings.Cut(line[1], " #")
			words := strings.Fields(line)
			var name []string
			for _, word := range words {
				if !regexp.MustCompile(`^[a-z][a-z-]+$`).MatchString(word) || len(name) == 2 || len(name) == 1 && name[0] != "contract" && name[0] != "store" && name[0] != "channels" {
					break
				}
				name = append(name, word)
			}
			if len(name) == 1 && name[0] == "contract" {
				// It is the default.
				name = append(name, "run")
			}
			help, _ := help(name...)
			if !strings.Contains(help, "Usage: nudge "+strings.Join(name, " ")) {
				t.Errorf("%s: nudge %s: there is no such command", page, line)
			}
			for _, word := range words {
				if flag, _, _ := strings.Cut(word, "="); strings.HasPrefix(flag, "--") && !strings.Contains(help, flag) {
					t.Errorf("%s: nudge %s: it has no flag %s", page, line, flag)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("%d command lines were seen", seen)
	}
}

// otherCommands are lines that give flags to programs of others, and links.
var otherCommands = regexp.MustCompile(`(?m)^.*(?:docker |COPY |HEALTHCHECK |RUN |FROM |make ).*$`)

// The files for machines name flags, variables and endpoints that there are.
func TestDeployFiles(t *testing.T) {
	var all strings.Builder
	for _, name := range []string{"serve", "device", "receive", "ready"} {
		text, _ := help(name)
		all.WriteString(text)
	}
	text := all.String()
	var files []string
	for _, pattern := range []string{"../../deploy/*.*", "../../deploy/Dockerfile", "../../deploy/*/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "nats.conf") || strings.HasSuffix(file, "nats.service") {
			// It names the environment of nats-server; that it works, make chaos shows.
			continue
		}
		data = otherCommands.ReplaceAll(data, nil)
		for _, flag := range regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(string(data), -1) {
			if !strings.Contains(text, flag) {
				t.Errorf("%s gives %s, which serve does not have", file, flag)
			}
		}
		for _, variable := range regexp.MustCompile(`NUDGE_[A-Z_]+`).FindAllString(string(data), -1) {
			if !strings.Contains(text, "$"+variable) && variable != "NUDGE_NATS_PASSWORD" {
				t.Errorf("%s sets %s, which serve does not read", file, variable)
			}
		}
	}
}

// The alerts and the dashboard ask for metrics that there are.
func TestDeployedMetrics(t *testing.T) {
	var names strings.Builder
	for _, pattern := range []string{"*.go", "../../server/ops/*.go"} {
		sources, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range sources {
			data, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			names.Write(data)
		}
	}
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		data, err := os.ReadFile(filepath.Join("../../deploy/cluster", file))
		if err != nil {
			t.Fatal(err)
		}
		asked := regexp.MustCompile(`nudge_[a-z_]+`).FindAllString(string(data), -1)
		if len(asked) < 8 {
			t.Errorf("%s asks for %d metrics", file, len(asked))
		}
		for _, name := range asked {
			if !strings.Contains(names.String(), `"`+name+`"`) {
				t.Errorf("%s asks for %s, which there is not", file, name)
			}
		}
	}
}
