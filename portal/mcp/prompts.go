package mcp

import (
	"context"
	"fmt"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// addPrompts offers the three jobs that people come with.
func (s *Server) addPrompts() {
	page := s.config.Portal.URL(s.config.Portal.Path(""))
	for _, p := range []struct{ name, title, description, text string }{
		{
			"call_it", "Call an operation", "Write the code that calls an operation of this API.",
			"Write code that calls the operation %[1]s. Read %[2]s with get_pages first; take the sample of my language (the fragment #%[3]s-samples), keep the bounds of every parameter, " +
				"and handle each error that the page lists: say which may be tried again, and when. Read credentials from the environment.",
		},
		{
			"test_it", "Test a caller or a server", "Write tests of code that calls this API, or of a server that answers it.",
			"Write tests around the operation %[1]s. Read %[2]s with get_pages first. Try the valid examples, both ends of every bound and one step beyond, a missing and an unknown field, " +
				"wrong credentials, and every error code that the page lists.",
		},
		{
			"change_it", "Change the document", "Say what a change of this API breaks before it is made.",
			"I want to change the operation %[1]s. Read its source with get_operation, its schemas with get_schema, and what changed before where there is list_changes. Then write the changed OpenAPI document, " +
				"and say for each change whether it breaks callers, and what they have to do.",
		},
	} {
		prompt := &sdk.Prompt{Name: p.name, Title: p.title, Description: p.description, Arguments: []*sdk.PromptArgument{
			{Name: "operation", Title: "Operation", Description: "The operationId; left out, the first one."},
		}}
		s.server.AddPrompt(prompt, func(_ context.Context, request *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
			op := s.config.Portal.Reference().Operations[0]
			if wanted := request.Params.Arguments["operation"]; wanted != "" {
				found := false
				for _, other := range s.config.Portal.Reference().Operations {
					if other.ID == wanted {
						op, found = other, true
					}
				}
				if !found {
					return nil, fmt.Errorf("there is no operation %q; search names them", short(wanted, 100))
				}
			}
			text := fmt.Sprintf(p.text, op.ID, page+"#"+op.Anchor, op.Anchor)
			return &sdk.GetPromptResult{Description: p.description, Messages: []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: text}}}}, nil
		})
	}
}
