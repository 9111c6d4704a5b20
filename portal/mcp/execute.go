package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
	"github.com/nudgehq/nudge/internal/rule"
)

// callTimeout is how long an operation may take.
const callTimeout = 30 * time.Second

// maxAnswer bounds how much of an operation's answer is read, in bytes.
const maxAnswer = 1 << 20

// Execute says how operations are called.
type Execute struct {
	// Transport sends the requests: http.DefaultTransport, or InProcess.
	Transport http.RoundTripper
	// BaseURL is where the operations are.
	BaseURL string
	// Authorization is the header that every call gets; empty for that of the caller's own request.
	Authorization string
}

// operationTool is an operation as a tool.
type operationTool struct {
	execute *Execute
	op      openapi.Operation
	// arguments are the rules of the scalar arguments by their name.
	arguments map[string]rule.Rule
	required  []string
	// jsonBody tells that the argument "body" is the body.
	jsonBody bool
}

// addOperations makes a tool of each operation, its schemas those of the document.
func (s *Server) addOperations() error {
	doc, err := owndocument.Read(s.config.Portal.Document())
	if err != nil {
		return err
	}
	operations, err := openapi.Operations(doc.T)
	if err != nil {
		return err
	}
	for _, op := range operations {
		t := &operationTool{execute: s.config.Execute, op: op, arguments: map[string]rule.Rule{}}
		input, err := t.inputSchema()
		if err != nil {
			return fmt.Errorf("%s: %w", op.ID, err)
		}
		name := toolName(op.ID)
		if s.tools[name] {
			return fmt.Errorf("the operation %s would be the tool %s, which there is already", op.ID, name)
		}
		s.tools[name] = true
		tool := &sdk.Tool{
			Name: name, Title: op.Spec.Summary, Description: strings.TrimSpace(op.Spec.Summary + ". " + op.Spec.Description), InputSchema: input,
			Annotations: &sdk.ToolAnnotations{ReadOnlyHint: op.Method == http.MethodGet, DestructiveHint: new(op.Method == http.MethodDelete), IdempotentHint: op.Method == http.MethodGet},
		}
		if output := successSchema(op.Spec); output != nil {
			tool.OutputSchema = jsonSchema(output, nil)
		}
		s.server.AddTool(tool, t.call)
	}
	return nil
}

// call sends the operation's request, made of the arguments.
func (t *operationTool) call(ctx context.Context, request *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if request.Extra != nil {
		ctx = context.WithValue(ctx, callerKey{}, callerOf(request.Extra.Header))
	}
	r, problem := t.request(ctx, request.Params.Arguments)
	if problem != "" {
		return complaint("%s", problem), nil
	}
	switch {
	case t.execute.Authorization != "":
		r.Header.Set("Authorization", t.execute.Authorization)
	case request.Extra != nil && request.Extra.Header.Get("Authorization") != "":
		r.Header.Set("Authorization", request.Extra.Header.Get("Authorization"))
	}
	response, err := t.execute.Transport.RoundTrip(r)
	if err != nil {
		return complaint("the operation could not be called: %v", err), nil
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return complaint("the answer could not be read: %v", err), nil
	}
	if response.StatusCode == http.StatusUnauthorized && r.Header.Get("Authorization") == "" {
		return complaint("401: the operation needs your credentials: have your tool send the header Authorization: Basic … with its requests to this server"), nil
	}
	if response.StatusCode >= http.StatusBadRequest {
		return complaint("%d: %s", response.StatusCode, body), nil
	}
	result := &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: fmt.Sprintf("%d %s", response.StatusCode, body)}}}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) == nil && object != nil {
		result.Content = []sdk.Content{&sdk.TextContent{Text: string(body)}}
		result.StructuredContent = json.RawMessage(body)
	}
	return result, nil
}

// request makes the request; problem says what is wrong with the arguments, and is empty when nothing is.
func (t *operationTool) request(ctx context.Context, raw json.RawMessage) (r *http.Request, problem string) {
	var arguments map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if len(raw) > 0 {
		if err := decoder.Decode(&arguments); err != nil {
			return nil, "the arguments are not an object"
		}
	}
	for _, name := range t.required {
		if _, ok := arguments[name]; ok {
			continue
		}
		if rule, ok := t.arguments[name]; ok && rule.Type != "" {
			return nil, fmt.Sprintf("%s is required: it must be %s", name, rule)
		}
		return nil, name + " is required"
	}
	path, query, form, header := t.op.Path, url.Values{}, url.Values{}, http.Header{}
	for name, value := range arguments {
		if t.jsonBody && name == "body" {
			continue
		}
		rule, texts, problem := t.argument(name, value)
		if problem != "" {
			return nil, problem
		}
		switch rule.In {
		case "path":
			text := strings.Join(texts, ",")
			if text == "" || text == "." || text == ".." {
				return nil, fmt.Sprintf("%s must not be empty, . or ..: it would be another path", name)
			}
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(text))
		case "query":
			query[name] = texts
		case "header":
			header.Set(name, strings.Join(texts, ","))
		default:
			form[name] = texts
		}
	}
	address := strings.TrimSuffix(t.execute.BaseURL, "/") + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var body io.Reader
	switch {
	case t.jsonBody && arguments["body"] != nil:
		// It was JSON a moment ago.
		encoded, _ := json.Marshal(arguments["body"])
		body = bytes.NewReader(encoded)
		header.Set("Content-Type", "application/json")
	case len(form) > 0:
		body = strings.NewReader(form.Encode())
		header.Set("Content-Type", openapi.FormType)
	}
	r, err := http.NewRequestWithContext(ctx, t.op.Method, address, body)
	if err != nil {
		return nil, "the arguments do not make a request"
	}
	r.Header = header
	return r, ""
}

// toolName names a tool after an operation: create_notification for CreateNotification, http_get for HTTPGet.
func toolName(id string) string {
	name := notInName.ReplaceAllString(wordStart.ReplaceAllString(id, "${1}${3}_${2}${4}"), "_")
	return short(strings.ToLower(strings.Trim(name, "_")), maxToolName)
}

// maxToolName is the longest name that all tools take, in bytes.
const maxToolName = 60

var (
	wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)
	notInName = regexp.MustCompile(`[^A-Za-z0-9]+`)
)
