package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/portal"
)

// Path is where the server of nudge's own documentation stands.
const Path = portal.Base + "/mcp"

// Limits of what is read and written.
const (
	// maxArguments bounds a tool's arguments, in bytes.
	maxArguments = 64 << 10
	// maxMessage bounds a whole message, in bytes.
	maxMessage = 256 << 10
	// maxCalls bounds how many requests over HTTP are processed at once.
	maxCalls = 32
	// maxName bounds a tool's name and a resource's URI, in bytes.
	maxName = 500
	// maxComplaint bounds what an error says, in bytes: it may repeat what was sent.
	maxComplaint = 500
)

// Config is what a Server is made of. Portal is required.
type Config struct {
	Portal *portal.Portal
	// Version is the program's.
	Version string
	// Execute calls the operations. Nil: they are no tools.
	Execute *Execute
}

// Server answers AI tools.
type Server struct {
	config Config
	server *sdk.Server
	// calls has a place for each request over HTTP that is processed at once.
	calls chan struct{}
	// tools are the names that are taken.
	tools map[string]bool
	// takes says which arguments the reading tools take.
	takes map[string]string
}

// New makes a Server.
func New(config Config) (*Server, error) {
	if config.Portal == nil {
		return nil, errors.New("mcp: Config.Portal is required")
	}
	reference := config.Portal.Reference()
	s := &Server{config: config, calls: make(chan struct{}, maxCalls), tools: map[string]bool{"list_pages": true, "search": true, "get_pages": true, "list_changes": true, "get_change": true, "get_operation": true, "get_schema": true}, takes: map[string]string{}}
	s.server = sdk.NewServer(&sdk.Implementation{Name: config.Portal.Slug(), Title: reference.Title, Version: config.Version, WebsiteURL: config.Portal.URL(config.Portal.Path(""))}, &sdk.ServerOptions{
		Instructions: s.instructions(),
		// What there is does not change while the server runs.
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}, Resources: &sdk.ResourceCapabilities{}, Prompts: &sdk.PromptCapabilities{}},
	})
	s.server.AddReceivingMiddleware(s.bound)
	s.addTools()
	s.addResources()
	s.addPrompts()
	if config.Execute != nil {
		if err := s.addOperations(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// instructions tell a model what the server is for and where to begin.
func (s *Server) instructions() string {
	reference := s.config.Portal.Reference()
	text := fmt.Sprintf("The documentation of %s, version %s. Start with search for a word, or with list_pages and get_pages to read a page as Markdown: the page %s is the first.",
		reference.Title, reference.Version, s.config.Portal.URL(s.config.Portal.Path("")))
	if len(s.config.Portal.Versions()) > 0 {
		text += " list_changes says what changed between versions."
	}
	if s.config.Execute != nil {
		text += " The other tools call the operations with your own credentials, and what they do is real."
	}
	return text
}

// bound refuses arguments that are too large before anything reads them, and cuts what an error repeats of them.
func (s *Server) bound(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, request sdk.Request) (sdk.Result, error) {
		switch r := request.(type) {
		case *sdk.CallToolRequest:
			if r.Params != nil && len(r.Params.Arguments) > maxArguments {
				return complaint("the arguments are %d bytes; at most %d are read", len(r.Params.Arguments), maxArguments), nil
			}
			if r.Params != nil && len(r.Params.Name) > maxName {
				return complaint("a tool's name is at most %d bytes; tools/list names all tools", maxName), nil
			}
		case *sdk.ReadResourceRequest:
			if r.Params != nil && len(r.Params.URI) > maxName {
				return nil, fmt.Errorf("a resource's URI is at most %d bytes; resources/list names all resources", maxName)
			}
		}
		result, err := next(ctx, method, request)
		if called, ok := result.(*sdk.CallToolResult); ok && called != nil && called.IsError {
			for _, content := range called.Content {
				if text, ok := content.(*sdk.TextContent); ok {
					text.Text = short(s.readable(request, text.Text), maxComplaint)
				}
			}
		}
		return result, err
	}
}

// wrongArguments is how the library begins to say that arguments break a tool's schema.
const wrongArguments = `validating "arguments": `

// readable says what the library says of wrong arguments in words for a model, with what is allowed.
func (s *Server) readable(request sdk.Request, text string) string {
	// The library's words for a null.
	text = strings.ReplaceAll(text, "<invalid reflect.Value>", "null")
	said, ok := strings.CutPrefix(text, wrongArguments)
	call, isCall := request.(*sdk.CallToolRequest)
	if !ok || !isCall || call.Params == nil {
		return text
	}
	said = strings.TrimPrefix(strings.ReplaceAll(said, "validating root: ", ""), "validating ")
	return fmt.Sprintf("the arguments are wrong: %s; %s takes %s", short(said, maxComplaint/2), call.Params.Name, s.takes[call.Params.Name])
}

// complaint is a tool's error: the model reads it and can do better.
func complaint(format string, args ...any) *sdk.CallToolResult {
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: short(fmt.Sprintf(format, args...), maxComplaint)}}}
}

// short bounds a text to n bytes, and an ellipsis.
func short(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}

// addResources offers the document and each page.
func (s *Server) addResources() {
	p := s.config.Portal
	document := &sdk.Resource{URI: p.URL(p.Path("/openapi.yaml")), Name: "openapi.yaml", Title: "The OpenAPI document", MIMEType: "application/yaml",
		Description: "The document that all pages follow from."}
	s.server.AddResource(document, resource(document, func() string { return string(p.Document()) }))
	for _, page := range p.Pages() {
		r := &sdk.Resource{URI: p.URL(page.Path + ".md"), Name: page.Path + ".md", Title: page.Title, Description: page.Description, MIMEType: "text/markdown"}
		s.server.AddResource(r, resource(r, page.Markdown))
	}
}

func resource(r *sdk.Resource, text func() string) sdk.ResourceHandler {
	return func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: r.URI, MIMEType: r.MIMEType, Text: text()}}}, nil
	}
}

// schema writes a JSON Schema by hand: what is inferred from a Go slice allows null.
func schema(text string, args ...any) json.RawMessage {
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	return json.RawMessage(text)
}
