package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/nudgehq/nudge/internal/docdiff"
	"github.com/nudgehq/nudge/internal/docdiff/gocode"
)

// maxDocument bounds a document that is fetched, in bytes.
const maxDocument = 16 << 20

type diffCommand struct {
	refHosts
	Old      string `arg:"" help:"The older document: a file, a URL, or a git revision such as v1.0.0 or HEAD~1:openapi.yaml."`
	New      string `arg:"" default:"openapi.yaml" help:"The newer one. (${default})"`
	Format   string `default:"text" enum:"text,markdown,json" placeholder:"text|markdown|json" help:"Form of the report. (${default})"`
	FailOn   string `default:"breaking" enum:"info,warning,breaking,never" placeholder:"info|warning|breaking|never" help:"The least severe change that makes the exit code 1. (${default})"`
	For      string `default:"callers" enum:"callers,go,all" placeholder:"callers|go|all" help:"Who is asked about: callers on the wire, users of the Go code that oapi-codegen makes of the documents, or both. (${default})"`
	Accepted string `placeholder:"FILE" help:"YAML file of accepted changes: a list of rule, operation, text, more and reason."`
}

// Run compares the documents and prints what changed.
func (cmd *diffCommand) Run(ctx context.Context, out output) error {
	older, err := cmd.document(ctx, cmd.Old)
	if err != nil {
		return usagef("the older document: %w", err)
	}
	newer, err := cmd.document(ctx, cmd.New)
	if err != nil {
		return usagef("the newer document: %w", err)
	}
	report := &docdiff.Report{Old: redacted(cmd.Old), New: redacted(cmd.New)}
	before, after := docdiff.Document(older), docdiff.Document(newer)
	var wire, code []docdiff.Change
	if cmd.For != "go" {
		if wire, err = docdiff.Compare(before, after); err != nil {
			return usageError{err}
		}
	}
	if cmd.For != "callers" {
		if code, err = gocode.CompareDocuments(before, after); err != nil {
			return usageError{err}
		}
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
