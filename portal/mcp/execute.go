package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
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

// inputSchema is one object of all parameters and form fields; a JSON body is the property "body".
func (t *operationTool) inputSchema() (map[string]any, error) {
	s := objectSchema{properties: map[string]any{}, required: []string{}}
	for _, r := range slices.Concat(t.op.Parameters, t.op.Form) {
		t.arguments[r.Name] = r
	}
	for _, p := range t.op.EffectiveParameters() {
		if p.Schema == nil || p.In == "cookie" {
			continue
		}
		if err := s.add(p.Name, p.Description, p.Required, p.Schema.Value); err != nil {
			return nil, err
		}
		if _, scalar := t.arguments[p.Name]; !scalar {
			t.arguments[p.Name] = rule.Rule{In: p.In, Name: p.Name}
		}
	}
	if err := t.addBody(&s); err != nil {
		return nil, err
	}
	t.required = s.required
	return map[string]any{"type": "object", "properties": s.properties, "required": s.required, "additionalProperties": false}, nil
}

// addBody adds the fields of the form, or a JSON body.
func (t *operationTool) addBody(s *objectSchema) error {
	if form := t.op.FormSchema; form != nil {
		for _, name := range slices.Sorted(maps.Keys(form.Properties)) {
			if err := s.add(name, "", slices.Contains(form.Required, name), form.Properties[name].Value); err != nil {
				return err
			}
			if _, scalar := t.arguments[name]; !scalar {
				t.arguments[name] = rule.Rule{In: "body", Name: name}
			}
		}
		return nil
	}
	body := t.op.Spec.RequestBody
	if body == nil {
		return nil
	}
	media := body.Value.Content["application/json"]
	if media == nil || media.Schema == nil {
		return nil
	}
	t.jsonBody = true
	return s.add("body", body.Value.Description, body.Value.Required, media.Schema.Value)
}

// objectSchema gathers the properties of an object.
type objectSchema struct {
	properties map[string]any
	required   []string
}

func (s *objectSchema) add(name, description string, required bool, schema *openapi3.Schema) error {
	if _, taken := s.properties[name]; taken {
		return fmt.Errorf("two of its arguments are called %s", name)
	}
	property := jsonSchema(schema, nil)
	if description != "" {
		property["description"] = strings.TrimSpace(description)
	}
	s.properties[name] = property
	if required {
		s.required = append(s.required, name)
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

// argument gives an argument's rule, and the texts that it is on the wire.
func (t *operationTool) argument(name string, value any) (r rule.Rule, texts []string, problem string) {
	r, ok := t.arguments[name]
	if !ok {
		return r, nil, fmt.Sprintf("there is no argument %q", short(name, 100))
	}
	texts = wireForms(value)
	if number, ok := value.(json.Number); ok && r.Type == "integer" {
		texts = []string{integerForm(number)}
	}
	// A string that looks like a number is none: the schema says so. Lists and objects are the server's to judge.
	_, isText := value.(string)
	if r.Type != "" && (len(texts) != 1 || isText != (r.Type == "string") || !r.Allows(texts[0])) {
		return r, nil, fmt.Sprintf("%s must be %s", name, r)
	}
	return r, texts, ""
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

// wireForms writes an argument as it stands on the wire: a list as several values.
func wireForms(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case bool:
		return []string{strconv.FormatBool(v)}
	case []any:
		var texts []string
		for _, item := range v {
			texts = append(texts, wireForms(item)...)
		}
		return texts
	default:
		// What came as JSON can be written as JSON.
		text, _ := json.Marshal(v)
		return []string{string(text)}
	}
}

// integerForm writes a number as an integer where it is one: to JSON Schema 150.0 and 15e1 are the integer 150.
func integerForm(number json.Number) string {
	// What is longer is no argument of anybody, and an exponent can make a number of gigabytes.
	if len(number) > 40 || strings.ContainsAny(number.String(), "eE") && !shortExponent.MatchString(number.String()) {
		return number.String()
	}
	if n, ok := new(big.Rat).SetString(number.String()); ok && n.IsInt() {
		return n.Num().String()
	}
	return number.String()
}

var shortExponent = regexp.MustCompile(`[eE][+-]?[0-9]{1,2}$`)
