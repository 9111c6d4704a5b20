package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/docdiff"
	"github.com/nudgehq/nudge/internal/docdiff/gocode"
)

// maxDocument bounds a document that is fetched, in bytes.
const maxDocument = 16 << 20

type diffCommand struct {
	Old      string `arg:"" help:"The older document: a file, a URL, or a git revision such as v1.0.0 or HEAD~1:openapi.yaml."`
	New      string `arg:"" default:"openapi.yaml" help:"The newer one. (${default})"`
	Format   string `default:"text" enum:"text,markdown,json" placeholder:"text|markdown|json" help:"Form of the report. (${default})"`
	FailOn   string `default:"breaking" enum:"info,warning,breaking,never" placeholder:"info|warning|breaking|never" help:"The least severe change that makes the exit code 1. (${default})"`
	Accepted string `placeholder:"FILE" help:"YAML file of accepted changes: a list of rule, operation, text, more and reason."`
}

// Run compares the documents and prints what changed.
func (cmd *diffCommand) Run(ctx context.Context, out output) error {
	older, err := document(ctx, cmd.Old)
	if err != nil {
		return usagef("the older document: %w", err)
	}
	newer, err := document(ctx, cmd.New)
	if err != nil {
		return usagef("the newer document: %w", err)
	}
	report := &docdiff.Report{Old: redacted(cmd.Old), New: redacted(cmd.New)}
	before, after := docdiff.Document{Name: report.Old, Data: older}, docdiff.Document{Name: report.New, Data: newer}
	wire, err := docdiff.Compare(before, after)
	if err != nil {
		return usageError{err}
	}
	code, err := gocode.CompareDocuments(before, after)
	if err != nil {
		return usageError{err}
	}
	report.Changes = docdiff.Group(docdiff.Sorted(wire, code))
	if cmd.Accepted != "" {
		data, err := os.ReadFile(cmd.Accepted)
		if err != nil {
			return usagef("--accepted: %w", err)
		}
		accepted, err := docdiff.ReadAcceptances(data)
		if err != nil {
			return usagef("--accepted: %s: %w", cmd.Accepted, err)
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

var revisionName = regexp.MustCompile(`^[0-9A-Za-z@][0-9A-Za-z._/~^@{}-]*(:[^:]+)?$`)

// redacted is a name without the password that a URL may have.
func redacted(name string) string {
	u, err := url.Parse(name)
	if err == nil && u.User != nil {
		return u.Redacted()
	}
	if scheme, rest, ok := strings.Cut(name, "://"); ok && err != nil {
		return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
	}
	return name
}

// document reads a document from a file, a URL or a git revision.
func document(ctx context.Context, name string) ([]byte, error) {
	if scheme, _, ok := strings.Cut(name, "://"); ok {
		if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return nil, fmt.Errorf("%s: a URL must be http:// or https://", redacted(name))
		}
		data, err := fetch(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", redacted(name), err)
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) || !revisionName.MatchString(name) {
		return data, err
	}
	object := name
	if !strings.Contains(name, ":") {
		object += ":openapi.yaml"
	}
	show := exec.CommandContext(ctx, "git", "show", "--end-of-options", object)
	var complaint strings.Builder
	show.Stderr = &complaint
	if data, err = show.Output(); err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return nil, fmt.Errorf("there is no file %s, and git finds no %s: %s", name, object, cmp.Or(said, err.Error()))
	}
	return data, nil
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if about, ok := errors.AsType[*url.Error](err); ok {
		return nil, about.Err
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("it is larger than %d bytes", maxDocument)
	}
	return data, err
}
