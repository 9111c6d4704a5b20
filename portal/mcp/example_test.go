package mcp_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
)

// An AI tool lists the tools that it has.
func ExampleNew() {
	ctx := context.Background()
	p, err := portal.New(portal.Config{PublicURL: "https://notify.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	server, err := mcp.New(mcp.Config{Portal: p})
	if err != nil {
		log.Fatal(err)
	}
	running := httptest.NewServer(server.Handler())
	defer running.Close()
	tool := sdk.NewClient(&sdk.Implementation{Name: "example"}, nil)
	session, err := tool.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: running.URL}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, tool := range tools.Tools {
		fmt.Println(tool.Name)
	}
	// Unordered output:
	// get_change
	// get_operation
	// get_pages
	// get_schema
	// list_changes
	// list_pages
	// search
}
