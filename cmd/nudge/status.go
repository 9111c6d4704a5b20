package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tmaxmax/go-sse"

	"github.com/nudgehq/nudge/internal/webaddress"
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
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return nil, fmt.Errorf("%d: %s", response.StatusCode, strings.TrimSpace(string(text)))
	}
	return response, nil
}

type statusCommand struct {
	opsURL
	SID string `arg:"" name:"sid" help:"The notification's SID (NT…)."`
}

// Run prints what became of a notification, as JSON.
func (cmd *statusCommand) Run(ctx context.Context, out output) error {
	response, err := cmd.open(ctx, "notifications", url.PathEscape(cmd.SID))
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(out.stdout, response.Body)
	return err
}

type tailCommand struct {
	opsURL
}

// Run prints what happens to notifications, a JSON line an event, until ctx is done.
func (cmd *tailCommand) Run(ctx context.Context, out output) error {
	response, err := cmd.open(ctx, "events")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	for event, err := range sse.Read(response.Body, nil) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out.stdout, event.Data); err != nil {
			return err
		}
	}
	if ctx.Err() == nil {
		return errors.New("the server ended the stream of events")
	}
	return nil
}
