package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/portal"
)

// maxPages bounds how many pages get_pages gives at once.
const maxPages = 10

// pageInfo is a page without its content.
type pageInfo struct {
	URL         string `json:"url"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Children    int    `json:"children"`
}

const pageInfoSchema = `{"type":"object","additionalProperties":false,"required":["url","title","description","children"],"properties":{
	"url":{"type":"string","description":"for get_pages, and for list_pages as parent"},"title":{"type":"string"},"description":{"type":"string"},
	"children":{"type":"integer","description":"how many pages stand below it"}}}`

type hit struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	Excerpt string `json:"excerpt"`
}

// change is what list_changes says of a change; get_change says the rest too.
type change struct {
	ID       string `json:"id"`
	Version  string `json:"version"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
	// Like is how many more changes are like it.
	Like int `json:"like,omitempty"`
	// Reason is why a break was accepted.
	Reason string `json:"reason,omitempty"`
}

type changeDetails struct {
	change
	Rule      string `json:"rule"`
	Comment   string `json:"comment,omitempty"`
	Operation string `json:"operation,omitempty"`
	Line      int    `json:"line,omitempty"`
	// Gone tells that the line is one of the version before.
	Gone bool     `json:"gone,omitempty"`
	More []string `json:"more,omitempty"`
}

const changeProperties = `"id":{"type":"string"},"version":{"type":"string"},"severity":{"type":"string","enum":["info","warning","breaking"]},"text":{"type":"string"},
	"like":{"type":"integer","description":"how many more changes are like it; get_change names them"},"reason":{"type":"string","description":"why the break was accepted"}`

// addTool offers a tool, and remembers what it takes.
func addTool[In, Out any](s *Server, tool *sdk.Tool, handler sdk.ToolHandlerFor[In, Out]) {
	var input struct {
		Required   []string
		Properties map[string]struct{ Description string }
	}
	// It is written below.
	raw, _ := tool.InputSchema.(json.RawMessage)
	_ = json.Unmarshal(raw, &input)
	var arguments []string
	for _, name := range slices.Sorted(maps.Keys(input.Properties)) {
		text := name
		if slices.Contains(input.Required, name) {
			text += " (required)"
		}
		if description := input.Properties[name].Description; description != "" {
			text += ": " + description
		}
		arguments = append(arguments, text)
	}
	s.takes[tool.Name] = strings.Join(arguments, "; ")
	sdk.AddTool(s.server, tool, handler)
}

// reads is what all reading tools are.
var reads = &sdk.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: new(false)}

// addTools offers what reads the documentation.
func (s *Server) addTools() {
	kinds, _ := json.Marshal(portal.Kinds)

	addTool(s, &sdk.Tool{
		Name: "list_pages", Title: "List pages", Annotations: reads,
		Description: "Lists the pages of the documentation: those below a page, or the first one.",
		InputSchema: schema(`{"type":"object","additionalProperties":false,"properties":{
			"parent":{"type":"string","maxLength":500,"description":"URL of the page whose children to list; left out, the first page and its children"}}}`),
		OutputSchema: schema(`{"type":"object","additionalProperties":false,"required":["pages"],"properties":{"pages":{"type":"array","items":%s}}}`, pageInfoSchema),
	}, s.listPages)
	addTool(s, &sdk.Tool{
		Name: "search", Title: "Search", Annotations: reads,
		Description: "Finds parameters, attributes, headers, errors, operations, pages and changes by words; up to 20, the best first, each with its line.",
		InputSchema: schema(`{"type":"object","additionalProperties":false,"required":["query"],"properties":{
			"query":{"type":"string","minLength":1,"maxLength":%d,"description":"one word or several"},
			"type":{"type":"string","enum":%s,"description":"only places of this kind"}}}`, portal.MaxQuery, kinds),
		OutputSchema: schema(`{"type":"object","additionalProperties":false,"required":["results"],"properties":{"results":{"type":"array","maxItems":20,"items":
			{"type":"object","additionalProperties":false,"required":["type","title","url","excerpt"],"properties":{
			"type":{"type":"string"},"title":{"type":"string"},"url":{"type":"string"},"excerpt":{"type":"string"}}}}}}`),
	}, s.search)
	addTool(s, &sdk.Tool{
		Name: "get_pages", Title: "Get pages", Annotations: reads,
		Description: "Gives 1 to 10 pages as text, all that they say, once. A URL with a #fragment gives that section alone.",
		InputSchema: schema(`{"type":"object","additionalProperties":false,"required":["urls"],"properties":{
			"urls":{"type":"array","minItems":1,"maxItems":%d,"items":{"type":"string","maxLength":500},"description":"URLs as list_pages and search give them"},
			"format":{"type":"string","enum":["text","structured"],"description":"structured gives an object with url, title and markdown of each, instead of text"}}}`, maxPages),
	}, s.getPages)
	addTool(s, &sdk.Tool{
		Name: "get_operation", Title: "Get an operation's source", Annotations: reads,
		Description: "Gives an operation of the OpenAPI document as YAML.",
		InputSchema: schema(`{"type":"object","additionalProperties":false,"required":["id"],"properties":{
			"id":{"type":"string","minLength":1,"maxLength":200,"description":"the operationId"}}}`),
	}, s.getOperation)
	addTool(s, &sdk.Tool{
		Name: "get_schema", Title: "Get a schema's source", Annotations: reads,
		Description: "Gives a schema of the OpenAPI document as YAML.",
		InputSchema: schema(`{"type":"object","additionalProperties":false,"required":["name"],"properties":{
			"name":{"type":"string","minLength":1,"maxLength":200,"description":"the name under components/schemas; one of a document beside the first stands after its path, such as devices/Error"}}}`),
	}, s.getSchema)
	if len(s.config.Portal.Versions()) > 0 {
		s.addChangeTools()
	}
}

// addChangeTools offers the changelog.
func (s *Server) addChangeTools() {
	addTool(s, &sdk.Tool{
		Name: "list_changes", Title: "List changes", Annotations: reads,
		Description: "Lists what changed from version to version of the document, the newest version and the most severe change first.",
		InputSchema: schema(`{"type":"object","additionalProperties":false,"properties":{
			"version":{"type":"string","maxLength":50,"description":"only the changes of this version"},
			"severity":{"type":"string","enum":["info","warning","breaking"],"description":"only changes of this severity"}}}`),
		OutputSchema: schema(`{"type":"object","additionalProperties":false,"required":["versions","changes"],"properties":{
			"versions":{"type":"array","items":{"type":"string"},"description":"all versions, the newest first"},
			"changes":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["id","version","severity","text"],"properties":{%s}}}}}`, changeProperties),
	}, s.listChanges)
	addTool(s, &sdk.Tool{
		Name: "get_change", Title: "Get a change", Annotations: reads,
		Description: "Gives all that is known of one change.",
		InputSchema: schema(`{"type":"object","additionalProperties":false,"required":["id"],"properties":{
			"id":{"type":"string","minLength":1,"maxLength":100,"description":"the change's id, from list_changes"}}}`),
		OutputSchema: schema(`{"type":"object","additionalProperties":false,"required":["id","version","severity","text","rule"],"properties":{%s,
			"rule":{"type":"string","description":"the kind of change"},"comment":{"type":"string"},"operation":{"type":"string"},
			"line":{"type":"integer","description":"where it stands in the document"},
			"gone":{"type":"boolean","description":"true when line is one of the version before"},
			"more":{"type":"array","items":{"type":"string"},"description":"changes of the same kind at the same place"}}}`, changeProperties),
	}, s.getChange)
}

type listPagesInput struct {
	Parent string `json:"parent"`
}

type pageList struct {
	Pages []pageInfo `json:"pages"`
}

func (s *Server) listPages(_ context.Context, _ *sdk.CallToolRequest, in listPagesInput) (*sdk.CallToolResult, pageList, error) {
	parent := s.config.Portal.Path("")
	if in.Parent != "" {
		page := s.config.Portal.Page(in.Parent)
		if page == nil {
			return nil, pageList{}, s.noPage(in.Parent)
		}
		parent = page.Path
	}
	children := map[string]int{}
	for _, page := range s.config.Portal.Pages() {
		children[page.Parent]++
	}
	list := pageList{Pages: []pageInfo{}}
	for _, page := range s.config.Portal.Pages() {
		if page.Parent == parent || in.Parent == "" && page.Path == parent {
			list.Pages = append(list.Pages, pageInfo{URL: s.config.Portal.URL(page.Path), Title: page.Title, Description: page.Description, Children: children[page.Path]})
		}
	}
	return nil, list, nil
}

func (s *Server) noPage(url string) error {
	return fmt.Errorf("there is no page %q; list_pages names all", short(url, 200))
}

type searchInput struct {
	Query string `json:"query"`
	Type  string `json:"type"`
}

type searchResult struct {
	Results []hit `json:"results"`
}

func (s *Server) search(_ context.Context, _ *sdk.CallToolRequest, in searchInput) (*sdk.CallToolResult, searchResult, error) {
	result := searchResult{Results: []hit{}}
	for _, found := range s.config.Portal.Search(in.Query, in.Type) {
		h := hit{Type: found.Kind, Title: found.Title, URL: s.config.Portal.URL(found.Path), Excerpt: found.Excerpt}
		if lines := s.config.Portal.Lines(found.Path); lines != "" {
			h.Excerpt = short(lines, maxExcerpt)
		}
		result.Results = append(result.Results, h)
	}
	return nil, result, nil
}

type listChangesInput struct {
	Version  string `json:"version"`
	Severity string `json:"severity"`
}

type changeList struct {
	Versions []string `json:"versions"`
	Changes  []change `json:"changes"`
}

func (s *Server) listChanges(_ context.Context, _ *sdk.CallToolRequest, in listChangesInput) (*sdk.CallToolResult, changeList, error) {
	list := changeList{Versions: []string{}, Changes: []change{}}
	known := in.Version == ""
	for _, v := range s.config.Portal.Versions() {
		list.Versions = append(list.Versions, v.Name)
		known = known || v.Name == in.Version
		for _, c := range v.Changes {
			if (in.Version == "" || v.Name == in.Version) && (in.Severity == "" || c.Severity.String() == in.Severity) {
				list.Changes = append(list.Changes, summary(c))
			}
		}
	}
	if !known {
		return nil, list, fmt.Errorf("there is no version %q; there are %s", in.Version, strings.Join(list.Versions, ", "))
	}
	return nil, list, nil
}

func summary(c portal.Change) change {
	return change{ID: c.ID, Version: c.Version, Severity: c.Severity.String(), Text: c.Text, Like: len(c.More), Reason: c.Reason}
}

type getChangeInput struct {
	ID string `json:"id"`
}

func (s *Server) getChange(_ context.Context, _ *sdk.CallToolRequest, in getChangeInput) (*sdk.CallToolResult, changeDetails, error) {
	for _, v := range s.config.Portal.Versions() {
		for _, c := range v.Changes {
			if c.ID == in.ID {
				return nil, changeDetails{change: summary(c), Rule: c.Rule, Comment: c.Comment, Operation: c.Operation, Line: c.Line, Gone: c.Gone, More: c.More}, nil
			}
		}
	}
	return nil, changeDetails{}, fmt.Errorf("there is no change %q; list_changes names all", in.ID)
}
