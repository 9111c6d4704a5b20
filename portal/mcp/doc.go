// Package mcp gives the pages of the portal to AI tools, over the Model Context Protocol.
//
//	tools, err := mcp.New(mcp.Config{Portal: p})
//	if err != nil { … }
//	http.Handle(mcp.Path, tools.Handler()) // or tools.ServeStdio(ctx, os.Stdin, os.Stdout)
//
// The tools read: list_pages, search, get_pages, list_changes and get_change. With Config.Execute each operation of the
// document is a tool too, which calls it with the caller's own credentials.
package mcp
