package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nudgehq/nudge/internal/webaddress"
	"github.com/nudgehq/nudge/server/device"
	"github.com/nudgehq/nudge/server/ops"
)

// opsURL is the flag that says where the operators' endpoints are.
type opsURL struct {
	OpsURL   string `name:"ops-url" default:"http://127.0.0.1:8081" placeholder:"URL" help:"Base URL of the server's operators' endpoints. (${default})"`
	OpsToken string `placeholder:"TOKEN" help:"The token that the operators' endpoints ask for, if they do."`
}

// open asks an operators' endpoint.
func (o opsURL) open(ctx context.Context, path ...string) (*http.Response, error) {
	return o.ask(ctx, http.MethodGet, nil, path...)
}

// post asks for an action.
func (o opsURL) post(ctx context.Context, path string, form url.Values) error {
	response, err := o.ask(ctx, http.MethodPost, form, path)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (o opsURL) ask(ctx context.Context, method string, form url.Values, path ...string) (*http.Response, error) {
	base, err := webaddress.Parse(o.OpsURL)
	if err != nil {
		return nil, usagef("--ops-url %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, base.JoinPath(path...).String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if o.OpsToken != "" {
		request.Header.Set("Authorization", "Bearer "+o.OpsToken)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer func() { _ = response.Body.Close() }()
		if media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); strings.HasSuffix(media, "json") {
			// The operators' endpoints refuse in plain text.
			return nil, usagef("%s answers as the service: --ops-url is where the server was told to listen by --ops-addr, not by --addr", base)
		}
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return nil, refusal{response.StatusCode, strings.TrimSpace(string(text))}
	}
	return response, nil
}

type statusCommand struct {
	opsURL
	JSON bool   `name:"json" env:"-" help:"Print JSON on a terminal too."`
	SID  string `arg:"" name:"sid" help:"The notification's SID (NT…)."`
}

// Run prints what became of a notification: as JSON, or for somebody who looks at it as a table.
func (cmd *statusCommand) Run(ctx context.Context, out output) error {
	if err := device.CheckNotification(cmd.SID); err != nil {
		return usagef("%.60q is no notification's SID, which the answer to its creation has under sid: %w", cmd.SID, err)
	}
	response, err := cmd.open(ctx, "notifications", cmd.SID)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if cmd.JSON || !out.isRead() {
		_, err = io.Copy(out.stdout, response.Body)
		return err
	}
	var n ops.Notification
	if err := json.NewDecoder(response.Body).Decode(&n); err != nil {
		return fmt.Errorf("the answer is not a notification: %w", err)
	}
	return writeStatus(coloured(out.stdout), n)
}

// writeStatus writes what became of a notification as a table.
func writeStatus(w io.Writer, n ops.Notification) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
	}
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Local().Format(time.DateTime)
	}
	row(strings.ToUpper(string(n.State)), n.SID)
	row("identity", n.Identity)
	row("service", n.ServiceSID)
	row("challenge", n.ChallengeSID)
	row("channel", n.Channel)
	row("created", at(&n.DateCreated))
	row("expires", fmt.Sprintf("%s (TTL %d s)", at(&n.DateExpires), n.TTL))
	row("attempts", fmt.Sprint(n.Attempts))
	row("last attempt", at(n.LastAttempt))
	row("ended", at(n.Ended))
	row("reason", n.Reason)
	return table.Flush()
}
