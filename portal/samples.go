package portal

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/shell"
)

//go:embed assets/samples
var sampleFiles embed.FS

var sampleTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"shell": shell.Lines, "quote": strconv.Quote, "pascal": pascalCase, "js": jsonString,
}).ParseFS(sampleFiles, "assets/samples/*"))

// Sample is a program that calls an operation: it runs when it is pasted.
type Sample struct {
	ID, Label, Language string
	// Setup is the command that installs what the program imports; empty for nothing.
	Setup string
	Code  string
}

// Credentials are written into the samples and the console. Only those of a server for development may be: everybody who
// reads the portal sees them.
type Credentials struct{ Username, Password string }

// call is what a sample's template is filled in with.
type call struct {
	Operation *Operation
	BaseURL   string
	Credentials
	// Path is the operation's, with example values; Form is the example of the body as a form, JSON as JSON.
	Path, ContentType, Body string
	Form                    []argument
	PathArguments           []argument
	Headers                 []argument
	Query                   string
	// hasParams tells that the generated method takes the parameters of the query and the headers as a struct.
	hasParams bool
	anyAPI    bool
	// Service, Version and Chain are how the official SDKs name the operation; empty when they do not have it.
	Service, Version string
	hosted           string
	Chain            []link
	Method           string
}

// argument is a value by its name, as on the wire.
type argument struct {
	Name, Value string
	// Literal is the value in Go and JavaScript: 150, "high", true.
	Literal string
}

// PythonLiteral is the value in Python.
func (a argument) PythonLiteral() string {
	switch a.Literal {
	case "true":
		return "True"
	case "false":
		return "False"
	}
	return a.Literal
}

// link is one step of an SDK's chain of resources; Value is empty for a whole collection.
type link struct {
	Node, Python       string
	Value, PythonValue string
}

// samples writes the samples of an operation.
func samples(o *Operation, reference *Reference, config Config) ([]Sample, error) {
	c := call{Operation: o, BaseURL: config.PublicURL, Credentials: config.Credentials, anyAPI: config.AnyAPI}
	list := languages
	if config.AnyAPI {
		list = genericLanguages
		c.BaseURL = either(config.within != nil, config.PublicURL, o.server)
	}
	c.fillIn()
	if !config.AnyAPI {
		c.chain(reference.Servers)
	}
	var samples []Sample
	for _, l := range list {
		if l.sdk && c.Service == "" {
			continue
		}
		name := l.template
		if name == "client.go" && !c.isCreateNotification() {
			name = "operations.go"
		}
		var b bytes.Buffer
		if err := sampleTemplates.ExecuteTemplate(&b, name+".tmpl", c); err != nil {
			return nil, err
		}
		code := b.Bytes()
		if l.language == "go" {
			formatted, err := format.Source(code)
			if err != nil {
				return nil, fmt.Errorf("the Go sample of %s: %w", o.ID, err)
			}
			code = formatted
		}
		samples = append(samples, Sample{
			ID: o.Anchor + "-sample-" + strings.ToLower(l.label), Label: l.label, Language: l.language, Setup: l.setup, Code: strings.TrimSpace(string(code)),
		})
	}
	return samples, nil
}

// isCreateNotification tells whether the typed client's own method calls the operation; the others go through its
// generated operations.
func (c *call) isCreateNotification() bool {
	names := make([]string, len(c.PathArguments))
	for i, a := range c.PathArguments {
		names[i] = a.Name
	}
	return c.Operation.ID == "CreateNotification" && slices.Equal(names, []string{"ServiceSid", "Identity", "ChallengeSid"})
}

var pathParameter = regexp.MustCompile(`\{([^}]+)\}`)

// URL is where the operation is called.
func (c call) URL() string {
	if c.Query != "" {
		return c.BaseURL + c.Path + "?" + c.Query
	}
	return c.BaseURL + c.Path
}

// Env tells whether the samples read the credentials from the environment.
func (c call) Env() bool { return c.Username == "" }

// Auth is basic, bearer, or empty.
func (c call) Auth() string { return c.Operation.auth }

// Keys are the headers of API keys.
func (c call) Keys() (names []string) {
	for _, key := range c.Operation.keys {
		if key.In == "header" {
			names = append(names, key.Name)
		}
	}
	return names
}

// IsRead tells whether a method has no body by the rules of fetch.
func (c call) IsRead() bool {
	return c.Operation.Method == http.MethodGet || c.Operation.Method == http.MethodHead
}

// User and Secret name the environment's variables of the credentials.
func (c call) User() string { return either(c.anyAPI, "API_USERNAME", "TWILIO_ACCOUNT_SID") }

// Secret is the variable of the second one.
func (c call) Secret() string { return either(c.anyAPI, "API_PASSWORD", "TWILIO_AUTH_TOKEN") }

// Editor tells whether the request has to be changed before it is sent.
func (c call) Editor() bool { return c.Auth() != "" || len(c.Headers) > 0 || c.Query != "" }

// Params tells whether the generated method takes a struct of parameters.
func (c call) Params() bool { return c.hasParams }

var versionSegment = regexp.MustCompile(`^v[0-9]+$`)

// chain names the operation as the official SDKs do: a resource for each segment of the path, and a verb.
func (c *call) chain(servers []Server) {
	segments := strings.Split(strings.TrimPrefix(c.Operation.Path, "/"), "/")
	if len(servers) == 0 || len(segments) < 2 || !versionSegment.MatchString(segments[0]) {
		return
	}
	// The SDKs send forms, and have no arguments for what the hosted service does not take.
	if c.Operation.auth != "basic" || c.Query != "" || len(c.Headers) > 0 || c.ContentType != "" && c.ContentType != openapi.FormType {
		return
	}
	u, err := url.Parse(servers[0].URL)
	if err != nil || !strings.HasSuffix(u.Hostname(), ".twilio.com") {
		return
	}
	instance := false
	var links []link
	for _, segment := range segments[1:] {
		name, isParameter := strings.CutPrefix(segment, "{")
		if !isParameter {
			links = append(links, link{Node: camelCase(segment), Python: snakeCase(segment)})
			instance = false
			continue
		}
		if len(links) == 0 || instance {
			return
		}
		name = strings.TrimSuffix(name, "}")
		for _, a := range c.PathArguments {
			if a.Name == name {
				links[len(links)-1].Value, links[len(links)-1].PythonValue = a.Literal, a.PythonLiteral()
			}
		}
		instance = true
	}
	switch {
	case c.Operation.Method == http.MethodPost && instance:
		c.Method = "update"
	case c.Operation.Method == http.MethodPost:
		c.Method = "create"
	case c.Operation.Method == http.MethodGet && instance:
		c.Method = "fetch"
	case c.Operation.Method == http.MethodGet:
		c.Method = "list"
	default:
		return
	}
	c.hosted = strings.TrimSuffix(servers[0].URL, "/")
	c.Service, _, _ = strings.Cut(u.Hostname(), ".")
	c.Version, c.Chain = segments[0], links
}

// Node and Python name a form field as the SDKs do.
func (a argument) Node() string { return camelCase(a.Name) }

// Python names a form field as the Python SDK does.
func (a argument) Python() string { return snakeCase(a.Name) }
