package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/docdiff"
	"github.com/nudgehq/nudge/internal/strictyaml"
)

// maxDocument bounds a document that is fetched, in bytes.
const maxDocument = 16 << 20

type diffCommand struct {
	Old      string `arg:"" help:"The older document: a file, a URL, or a git revision such as v1.0.0 or HEAD~1:openapi.yaml."`
	New      string `arg:"" default:"openapi.yaml" help:"The newer one. (${default})"`
	Format   string `default:"text" enum:"text,markdown,json" placeholder:"text|markdown|json" help:"Form of the report. (${default})"`
	FailOn   string `default:"breaking" enum:"info,warning,breaking,never" placeholder:"info|warning|breaking|never" help:"The least severe change that makes the exit code 1. (${default})"`
	Accepted string `placeholder:"FILE" help:"YAML file of accepted changes: a list of rule, text and reason."`
}

// Run compares the documents and prints what changed.
func (cmd *diffCommand) Run(ctx context.Context, out output) error {
	older, err := document(ctx, cmd.Old)
	if err != nil {
		return usageError{err}
	}
	newer, err := document(ctx, cmd.New)
	if err != nil {
		return usageError{err}
	}
	changes, err := docdiff.Compare(older, newer)
	if err != nil {
		return usageError{err}
	}
	report := &docdiff.Report{Old: cmd.Old, New: cmd.New, Changes: changes}
	if cmd.Accepted != "" {
		accepted, err := readAccepted(cmd.Accepted)
		if err != nil {
			return usagef("--accepted: %w", err)
		}
		report.Accept(accepted)
	}
	write := map[string]func(io.Writer) error{"text": report.WriteText, "markdown": report.WriteMarkdown, "json": report.WriteJSON}[cmd.Format]
	if err := write(out.stdout); err != nil {
		return err
	}
	worst, changed := report.Worst()
	limits := map[string]docdiff.Severity{"info": docdiff.Info, "warning": docdiff.Warning, "breaking": docdiff.Breaking}
	if limit, ok := limits[cmd.FailOn]; ok && changed && worst >= limit {
		return fmt.Errorf("%s", report.Summary())
	}
	return nil
}

func readAccepted(path string) ([]docdiff.Acceptance, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Accepted []docdiff.Acceptance `yaml:"accepted"`
	}
	if err := strictyaml.Decode(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i, a := range file.Accepted {
		if a.Rule == "" || a.Text == "" || a.Reason == "" {
			return nil, fmt.Errorf("%s: accepted[%d] must have a rule, a text and a reason", path, i)
		}
	}
	return file.Accepted, nil
}

var revisionName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._/~^@{}-]*(:[^:]+)?$`)

// document reads a document from a file, a URL or a git revision.
func document(ctx context.Context, name string) ([]byte, error) {
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		return fetch(ctx, name)
	}
	data, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) || !revisionName.MatchString(name) {
		return data, err
	}
	object := name
	if !strings.Contains(name, ":") {
		object += ":./openapi.yaml"
	}
	data, err = exec.CommandContext(ctx, "git", "show", "--end-of-options", object).Output()
	if err != nil {
		return nil, fmt.Errorf("%s is neither a file nor a git revision that has one", name)
	}
	return data, nil
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("%s is larger than %d bytes", url, maxDocument)
	}
	return data, err
}
