package mcp

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxExcerpt bounds the lines of a place that a search has found, in bytes.
const maxExcerpt = 600

type getPagesInput struct {
	URLs   []string `json:"urls"`
	Format string   `json:"format"`
}

type pageContents struct {
	Pages []pageContent `json:"pages"`
}

type pageContent struct {
	URL      string `json:"url"`
	Title    string `json:"title"`
	Markdown string `json:"markdown"`
}

// getPages gives pages, or sections of them, once: as text, which a model reads best, or as an object.
func (s *Server) getPages(_ context.Context, _ *sdk.CallToolRequest, in getPagesInput) (*sdk.CallToolResult, any, error) {
	result := pageContents{Pages: []pageContent{}}
	var texts []string
	given := map[string]bool{}
	for _, url := range in.URLs {
		page := s.config.Portal.Page(url)
		if page == nil {
			return nil, nil, s.noPage(url)
		}
		_, fragment, _ := strings.Cut(url, "#")
		address := s.config.Portal.URL(page.Path)
		if fragment != "" {
			address += "#" + fragment
		}
		if given[address] {
			continue
		}
		given[address] = true
		text, err := s.config.Portal.Brief(page, fragment)
		if err != nil {
			return nil, nil, err
		}
		result.Pages = append(result.Pages, pageContent{URL: address, Title: page.Title, Markdown: text})
		texts = append(texts, text)
	}
	if len(texts) > 1 {
		for i, page := range result.Pages {
			texts[i] = page.URL + "\n\n" + texts[i]
		}
	}
	if in.Format == "structured" {
		return &sdk.CallToolResult{Content: []sdk.Content{}, StructuredContent: result}, nil, nil
	}
	return asText(strings.Join(texts, "\n")), nil, nil
}

func asText(text string) *sdk.CallToolResult {
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

type getOperationInput struct {
	ID string `json:"id"`
}

func (s *Server) getOperation(_ context.Context, _ *sdk.CallToolRequest, in getOperationInput) (*sdk.CallToolResult, any, error) {
	text, ok := s.config.Portal.OperationSource(in.ID)
	if !ok {
		return nil, nil, fmt.Errorf("there is no operation %q; search names them", short(in.ID, 100))
	}
	return asText(text), nil, nil
}

type getSchemaInput struct {
	Name string `json:"name"`
}

func (s *Server) getSchema(_ context.Context, _ *sdk.CallToolRequest, in getSchemaInput) (*sdk.CallToolResult, any, error) {
	text, ok := s.config.Portal.SchemaSource(in.Name)
	if !ok {
		return nil, nil, fmt.Errorf("there is no schema %q; there are %s", short(in.Name, 100), short(strings.Join(s.config.Portal.Schemas(), ", "), maxComplaint/2))
	}
	return asText(text), nil, nil
}
