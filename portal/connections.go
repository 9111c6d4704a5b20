package portal

import (
	"encoding/json"
	"html/template"
	"net/url"

	"github.com/nudgehq/nudge/internal/shell"
)

// connections are the ways to tell an AI tool of the MCP server.
type connections struct {
	URL, JSON, Claude string
	Cursor, VSCode    template.URL
}

// connect writes them for the server's address, under the name that the tool shows.
func connect(name, address string) connections {
	type server struct {
		Name string `json:"name,omitempty"`
		Type string `json:"type,omitempty"`
		URL  string `json:"url"`
	}
	snippet, _ := indented(map[string]map[string]server{"mcpServers": {name: {Type: "http", URL: address}}})
	cursor, _ := json.Marshal(server{URL: address})
	code, _ := json.Marshal(server{Name: name, Type: "http", URL: address})
	return connections{
		URL: address, JSON: snippet, Claude: "claude mcp add --transport http " + shell.Word(name) + " " + shell.Word(address),
		// Both are made here from a checked URL, not by a caller.
		Cursor: template.URL("cursor://anysphere.cursor-deeplink/mcp/install?name=" + url.QueryEscape(name) + "&config=" + url.QueryEscape(base64Of(cursor))),
		VSCode: template.URL("vscode:mcp/install?" + url.PathEscape(string(code))),
	}
}
