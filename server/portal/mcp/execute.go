package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/ruledoc"
)

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
	op      ruledoc.Operation
	// arguments are the rules of the scalar arguments by their name.
	arguments map[string]rule.Rule
	required  []string
	// jsonBody tells that the argument "body" is the body.
	jsonBody bool
}

// addOperations makes a tool of each operation, its schemas those of the document.
func (s *Server) addOperations() error {
	doc, err := ruledoc.Load(s.config.Portal.Document())
	if err != nil {
		return err
	}
	operations, err := ruledoc.Operations(doc)
	if err != nil {
		return err
	}
	for _, op := range operations {
		t := &operationTool{execute: s.config.Execute, op: op, arguments: map[string]rule.Rule{}}
		input, err := t.inputSchema()
		if err != nil {
			return fmt.Errorf("%s: %w", op.ID, err)
		}
		tool := &sdk.Tool{
			Name: snakeCase(op.ID), Title: op.Spec.Summary, Description: strings.TrimSpace(op.Spec.Summary + ". " + op.Spec.Description), InputSchema: input,
			Annotations: &sdk.ToolAnnotations{ReadOnlyHint: op.Method == http.MethodGet, DestructiveHint: new(op.Method == http.MethodDelete), IdempotentHint: op.Method == http.MethodGet},
		}
		if output := successSchema(op.Spec); output != nil {
			tool.OutputSchema = jsonSchema(output)
		}
		s.server.AddTool(tool, t.call)
	}
	return nil
}

// inputSchema is one object of all parameters and form fields; a JSON body is the property "body".
func (t *operationTool) inputSchema() (map[string]any, error) {
	properties := map[string]any{}
	required := []string{}
	add := func(name, description string, needed bool, schema *openapi3.Schema) error {
		if _, taken := properties[name]; taken {
			return fmt.Errorf("two of its arguments are called %s", name)
		}
		property := jsonSchema(schema)
		if description != "" {
			property["description"] = strings.TrimSpace(description)
		}
		properties[name] = property
		if needed {
			required = append(required, name)
		}
		return nil
	}
	for i, ref := range slices.Concat(t.op.Item.Parameters, t.op.Spec.Parameters) {
		p := ref.Value
		if p.Schema == nil || p.In == "cookie" || i < len(t.op.Item.Parameters) && t.op.Spec.Parameters.GetByInAndName(p.In, p.Name) != nil {
			continue
		}
		if err := add(p.Name, p.Description, p.Required, p.Schema.Value); err != nil {
			return nil, err
		}
	}
	for _, r := range slices.Concat(t.op.Parameters, t.op.Form) {
		t.arguments[r.Name] = r
	}
	if t.op.FormSchema != nil {
		for _, r := range t.op.Form {
			if err := add(r.Name, "", slices.Contains(t.op.FormSchema.Required, r.Name), t.op.FormSchema.Properties[r.Name].Value); err != nil {
				return nil, err
			}
		}
	} else if body := t.op.Spec.RequestBody; body != nil {
		if media := body.Value.Content["application/json"]; media != nil && media.Schema != nil {
			if err := add("body", body.Value.Description, body.Value.Required, media.Schema.Value); err != nil {
				return nil, err
			}
			t.jsonBody = true
		}
	}
	t.required = required
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}, nil
}

// call sends the operation's request, made of the arguments.
func (t *operationTool) call(ctx context.Context, request *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
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
	if response.StatusCode >= http.StatusBadRequest || !json.Valid(body) {
		return complaint("%d: %s", response.StatusCode, body), nil
	}
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: string(body)}}, StructuredContent: json.RawMessage(body)}, nil
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
		if _, ok := arguments[name]; !ok {
			return nil, fmt.Sprintf("%s is required: it must be %s", name, t.arguments[name])
		}
	}
	path, query, form, header := t.op.Path, url.Values{}, url.Values{}, http.Header{}
	for name, value := range arguments {
		if t.jsonBody && name == "body" {
			continue
		}
		rule, ok := t.arguments[name]
		if !ok {
			return nil, fmt.Sprintf("there is no argument %q", cutTo(name, 100))
		}
		text, isText := value.(string)
		if number, ok := value.(json.Number); ok {
			text = number.String()
		} else if !isText {
			text = fmt.Sprint(value)
		}
		// A string that looks like a number is none: the schema says so.
		if isText != (rule.Type == "string") || !rule.Allows(text) {
			return nil, fmt.Sprintf("%s must be %s", name, rule)
		}
		switch rule.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(text))
		case "query":
			query.Set(name, text)
		case "header":
			header.Set(name, text)
		default:
			form.Set(name, text)
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
		header.Set("Content-Type", ruledoc.FormType)
	}
	r, err := http.NewRequestWithContext(ctx, t.op.Method, address, body)
	if err != nil {
		return nil, "the arguments do not make a request"
	}
	r.Header = header
	return r, ""
}

// successSchema is the schema of the JSON that success is answered with.
func successSchema(op *openapi3.Operation) *openapi3.Schema {
	for status, response := range op.Responses.Map() {
		if strings.HasPrefix(status, "2") {
			if media := response.Value.Content["application/json"]; media != nil && media.Schema != nil && media.Schema.Value.Type.Is("object") {
				return media.Schema.Value
			}
		}
	}
	return nil
}

// jsonSchema translates a schema of the document: JSON Schema has no nullable, a null is a type there.
func jsonSchema(s *openapi3.Schema) map[string]any {
	out := map[string]any{}
	types := s.Type.Slice()
	if s.Nullable && len(types) > 0 {
		types = append(slices.Clone(types), "null")
	}
	switch len(types) {
	case 0:
	case 1:
		out["type"] = types[0]
	default:
		out["type"] = types
	}
	set := func(name string, given bool, value any) {
		if given {
			out[name] = value
		}
	}
	set("description", s.Description != "", strings.TrimSpace(s.Description))
	set("format", s.Format != "", s.Format)
	set("pattern", s.Pattern != "", s.Pattern)
	set("minLength", s.MinLength > 0, s.MinLength)
	set("maxLength", s.MaxLength != nil, s.MaxLength)
	set("minimum", s.Min != nil && !s.ExclusiveMin.IsTrue(), s.Min)
	set("maximum", s.Max != nil && !s.ExclusiveMax.IsTrue(), s.Max)
	set("exclusiveMinimum", s.Min != nil && s.ExclusiveMin.IsTrue(), s.Min)
	set("exclusiveMaximum", s.Max != nil && s.ExclusiveMax.IsTrue(), s.Max)
	set("multipleOf", s.MultipleOf != nil, s.MultipleOf)
	set("default", s.Default != nil, s.Default)
	set("minItems", s.MinItems > 0, s.MinItems)
	set("maxItems", s.MaxItems != nil, s.MaxItems)
	if len(s.Enum) > 0 {
		values := slices.Clone(s.Enum)
		if s.Nullable && !slices.Contains(values, nil) {
			values = append(values, nil)
		}
		out["enum"] = values
	}
	if s.Items != nil {
		out["items"] = jsonSchema(s.Items.Value)
	}
	if len(s.Properties) > 0 {
		properties := map[string]any{}
		for name, property := range s.Properties {
			properties[name] = jsonSchema(property.Value)
		}
		out["properties"] = properties
	}
	set("required", len(s.Required) > 0, s.Required)
	if has := s.AdditionalProperties.Has; has != nil {
		out["additionalProperties"] = *has
	}
	for name, refs := range map[string]openapi3.SchemaRefs{"allOf": s.AllOf, "oneOf": s.OneOf, "anyOf": s.AnyOf} {
		if len(refs) == 0 {
			continue
		}
		list := make([]any, len(refs))
		for i, ref := range refs {
			list[i] = jsonSchema(ref.Value)
		}
		out[name] = list
	}
	return out
}

// snakeCase names a tool after an operation: create_notification for CreateNotification.
func snakeCase(id string) string {
	var b strings.Builder
	for i, r := range id {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// InProcess calls a handler of this process, without a connection.
type InProcess struct{ Handler http.Handler }

// RoundTrip answers the request.
func (p InProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	request := r.Clone(r.Context())
	// A server's request has these, a client's has not.
	request.RequestURI = r.URL.RequestURI()
	request.Host = r.URL.Host
	request.RemoteAddr = "127.0.0.1:0"
	if request.Body == nil {
		request.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	p.Handler.ServeHTTP(w, request)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.wrote = true
	return a.body.Write(p)
}
