package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tmaxmax/go-sse"
)

// opsURL is the flag that says where the operators' endpoints are.
type opsURL struct {
	OpsURL string `name:"ops-url" default:"http://127.0.0.1:8081" placeholder:"URL" help:"Base URL of the server's operators' endpoints. (${default})"`
}

// open asks an operators' endpoint.
func (o opsURL) open(ctx context.Context, path ...string) (*http.Response, error) {
	base, err := url.Parse(o.OpsURL)
	if err != nil || base.Host == "" {
		return nil, usagef("--ops-url %q must be http:// or https:// and a host", o.OpsURL)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath(path...).String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return nil, fmt.Errorf("%d: %s", response.StatusCode, text)
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
