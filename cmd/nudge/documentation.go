package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"strings"

	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/device"
)

// beside are the further documents of the server, with the links of the docs to them.
var beside = []portal.Beside{{Document: device.OpenAPI, Path: "/devices", Source: "../server/device/openapi.yaml"}}

// documentation is the portal with its MCP server.
type documentation struct {
	portal  *portal.Portal
	handler http.Handler
}

func (cmd *serveCommand) documentation(listens string, development bool, operation http.Handler) (*documentation, error) {
	config := portal.Config{PublicURL: listens, Beside: beside, Devices: cmd.Device == "stream" || cmd.Challenges != "any", DeviceTokens: development}
	if cmd.PublicURL != "" {
		config.PublicURL = cmd.PublicURL
	}
	if development {
		config.Credentials = portal.Credentials{Username: accounts.DevelopmentSID, Password: accounts.DevelopmentToken}
	}
	p, err := portal.New(config)
	if err != nil {
		return nil, usagef("--public-url: %w", err)
	}
	tools := mcp.Config{Portal: p, Version: version()}
	if cmd.MCPExecute {
		tools.Execute = &mcp.Execute{Transport: mcp.InProcess{Handler: p.Below(operation)}, BaseURL: p.URL("")}
	}
	handler, err := documentationHandler(tools)
	if err != nil {
		return nil, err
	}
	return &documentation{p, handler}, nil
}

// documentationHandler answers with the pages of a portal, and with its MCP server below them.
func documentationHandler(config mcp.Config) (http.Handler, error) {
	server, err := mcp.New(config)
	if err != nil {
		return nil, err
	}
	pages, err := config.Portal.Handler()
	if err != nil {
		return nil, err
	}
	tools, path := server.Handler(), config.Portal.Path("/mcp")
	// No ServeMux: it would answer unclean paths by itself.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.TrimSuffix(r.URL.Path, "/") == path {
			tools.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}), nil
}

type mcpCommand struct {
	URL        string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Base URL of the service that the documentation shows and that operations are called at. (${default})"`
	MCPExecute bool   `name:"mcp-execute" help:"Let the tool call the operation."`
	Account    string `env:"NUDGE_CREDENTIALS" placeholder:"SID:TOKEN" help:"With --mcp-execute: an account (AC…) and its auth token, or an API key (SK…) and its secret."`
}

// Run answers on standard input and output until the input ends.
func (cmd *mcpCommand) Run(ctx context.Context, out output) error {
	p, err := portal.New(portal.Config{PublicURL: cmd.URL, Beside: beside})
	if err != nil {
		return usagef("--url: %w", err)
	}
	config := mcp.Config{Portal: p, Version: version()}
	if cmd.Account != "" && !cmd.MCPExecute && os.Getenv("NUDGE_CREDENTIALS") == "" {
		return usagef("--account is for --mcp-execute")
	}
	if cmd.MCPExecute {
		if sid, token, ok := strings.Cut(cmd.Account, ":"); !ok || sid == "" || token == "" {
			return usagef("--mcp-execute needs --account SID:TOKEN")
		}
		config.Execute = &mcp.Execute{
			Transport: http.DefaultTransport, BaseURL: p.URL(""), Authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(cmd.Account)),
		}
	}
	server, err := mcp.New(config)
	if err != nil {
		return err
	}
	return server.ServeStdio(ctx, os.Stdin, out.stdout)
}
