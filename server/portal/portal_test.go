package portal_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/net/html"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/server/portal"
)

const publicURL = "https://notify.example.com"

func build(t *testing.T, configure ...func(*portal.Config)) *portal.Portal {
	t.Helper()
	config := portal.Config{PublicURL: publicURL, Devices: true}
	for _, f := range configure {
		f(&config)
	}
	p, err := portal.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func serve(t *testing.T, p *portal.Portal) *httptest.Server {
	t.Helper()
	h, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// document is the embedded one with what it has no case of.
var document = bytes.Replace(nudge.OpenAPI, []byte("      requestBody:\n"), []byte("      requestBody:\n        description: What to send.\n"), 1)

// Both forms of the page say all that the document says.
func TestPagesSayAllThatTheDocumentSays(t *testing.T) {
	s := serve(t, build(t, func(c *portal.Config) { c.Document = document }))
	for _, page := range []string{portal.Base, portal.Base + "/operations/CreateNotification"} {
		_, text := get(t, s.URL+page)
		_, markdown := get(t, s.URL+page+".md")
		for _, missing := range missing(t, document, text, markdown) {
			t.Errorf("%s: %s", page, missing)
		}
	}
}

// The walk above is only worth something if it notices what is missing: whatever value a template no longer writes, it
// must say so.
func TestWalkNoticesEveryRemovedRendering(t *testing.T) {
	t.Cleanup(func() { portal.SetAssets(portal.Embedded) })
	action := regexp.MustCompile(`\{\{[^{}]+\}\}`)
	keyword := regexp.MustCompile(`^\{\{-?\s*(if|else|end|range|with|define|\$\w+ :?=|/\*)`)
	// What the document does not say, or what only links, names or lays out.
	beside := regexp.MustCompile(`Asset|"\{\{if|After <code>|data-example|aria-label|\$\.URL|\.URL |Page\.|Console|\$\.For|Samples|\.Label}}</label>|\.Label}}{{with|\.Setup|\.Language|\.Code|-tabs|-console|-samples|-content"|href=`)
	removed := 0
	for _, name := range []string{"assets/reference.html", "assets/reference.md"} {
		source, err := fs.ReadFile(portal.Embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		// The console shows the document's parameters once more, and has tests of its own.
		consoleFrom, consoleTo := bytes.Index(source, []byte(`{{define "console"}}`)), bytes.Index(source, []byte(`<div class="intro">`))
		for _, at := range action.FindAllIndex(source, -1) {
			lineStart := bytes.LastIndexByte(source[:at[0]], '\n') + 1
			context := string(source[max(lineStart, at[0]-30):min(len(source), at[1]+10)])
			if keyword.Match(source[at[0]:at[1]]) || beside.MatchString(context) || consoleFrom >= 0 && at[0] > consoleFrom && at[0] < consoleTo {
				continue
			}
			changed := string(source[:at[0]]) + string(source[at[1]:])
			files := fstest.MapFS{}
			err := fs.WalkDir(portal.Embedded, ".", func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				data, err := fs.ReadFile(portal.Embedded, path)
				files[path] = &fstest.MapFile{Data: data}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: []byte(changed)}
			portal.SetAssets(files)
			removed++
			p, err := portal.New(portal.Config{PublicURL: publicURL, Document: document, Versions: fstest.MapFS{}})
			if err != nil {
				continue
			}
			h, err := p.Handler()
			if err != nil {
				t.Fatal(err)
			}
			text, markdown := httptest.NewRecorder(), httptest.NewRecorder()
			h.ServeHTTP(text, httptest.NewRequest(http.MethodGet, portal.Base, nil))
			h.ServeHTTP(markdown, httptest.NewRequest(http.MethodGet, portal.Base+".md", nil))
			if len(missing(t, document, text.Body.String(), markdown.Body.String())) == 0 {
				t.Errorf("%s:%d: nobody notices that %s is gone", name, 1+bytes.Count(source[:at[0]], []byte("\n")), source[at[0]:at[1]])
			}
		}
	}
	t.Logf("%d renderings removed, one at a time", removed)
	if removed < 40 {
		t.Errorf("only %d renderings were removed", removed)
	}
}

// A bound that changes in the document changes in every form.
func TestChangedBoundIsShown(t *testing.T) {
	changed := bytes.Replace(nudge.OpenAPI, []byte("maximum: 300\n"), []byte("maximum: 600\n"), 1)
	s := serve(t, build(t, func(c *portal.Config) { c.Document = changed }))
	for _, page := range []string{portal.Base, portal.Base + ".md", portal.Base + "/operations/CreateNotification.md", portal.Base + "/openapi.yaml"} {
		_, text := get(t, s.URL+page)
		if !strings.Contains(text, "600") {
			t.Errorf("%s does not say 600", page)
		}
	}
	_, text := get(t, s.URL+portal.Base)
	_, markdown := get(t, s.URL+portal.Base+".md")
	for _, missing := range missing(t, changed, text, markdown) {
		t.Error(missing)
	}
	_, changes := get(t, s.URL+portal.Base+"/changelog.md")
	if !strings.Contains(changes, "## unreleased") || !strings.Contains(changes, "request-property-max-increased") {
		t.Errorf("the changelog says %s", changes)
	}
}

// missing walks the document and lists what the two forms of a page do not say.
func missing(t *testing.T, source []byte, page, markdown string) []string {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(source)
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{elements: map[string]string{}, markdown: markdown, squeezed: squeeze(markdown)}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	w.collect(root)
	for _, link := range regexp.MustCompile(`<(?:a href="#|label for=")([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if _, ok := w.elements[html.UnescapeString(link[1])]; !ok || link[1] == "" {
			w.missing = append(w.missing, "HTML has no place for the link #"+link[1])
		}
	}
	whole := strings.Contains(page, `id="authentication"`)
	if whole {
		w.both("", "description", doc.Info.Description)
		w.both("", "title", doc.Info.Title)
		for _, server := range doc.Servers {
			w.both("", "server", server.URL)
			w.both("", "server", server.Description)
		}
		for name, scheme := range doc.Components.SecuritySchemes {
			kind := strings.ToUpper(scheme.Value.Type) + " " + scheme.Value.Scheme
			w.html("scheme-"+name, "scheme", name+" "+kind+" "+scheme.Value.Description)
			w.text("scheme", "- "+name+": "+kind+". "+scheme.Value.Description)
		}
	}
	w.both("", "version", doc.Info.Version)
	w.both("", "license", doc.Info.License.Name)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			w.operation(item, op, method, path)
		}
	}
	return w.missing
}

type walk struct {
	// elements are the texts of the page's elements, by id; "" is the page.
	elements map[string]string
	markdown string
	squeezed string
	missing  []string
}

func (w *walk) collect(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "head" || n.Data == "nav") {
		return ""
	}
	var b strings.Builder
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		b.WriteString(w.collect(child))
		if child.Type == html.ElementNode {
			b.WriteString(" ")
		}
	}
	for _, a := range n.Attr {
		if a.Key == "id" {
			w.elements[a.Val] = squeeze(b.String())
		}
	}
	if n.Type == html.DocumentNode {
		w.elements[""] = squeeze(b.String())
	}
	return b.String()
}

// squeeze makes texts comparable: CommonMark's code marks are elements in HTML, and white space does not count.
func squeeze(text string) string {
	return beforeMark.ReplaceAllString(strings.Join(strings.Fields(strings.ReplaceAll(text, "`", "")), " "), "$1")
}

var beforeMark = regexp.MustCompile(` ([.,;:)])`)

// both wants a text in an element of the page and in the Markdown.
func (w *walk) both(id, what, text string) {
	w.html(id, what, text)
	w.text(id+" "+what, text)
}

func (w *walk) text(what, text string) {
	if !strings.Contains(w.squeezed, squeeze(text)) {
		w.missing = append(w.missing, fmt.Sprintf("Markdown lacks %s %q", what, text))
	}
}

func (w *walk) html(id, what, text string) {
	element, ok := w.elements[id]
	if !ok || !strings.Contains(element, squeeze(text)) {
		w.missing = append(w.missing, fmt.Sprintf("HTML %s lacks %s %q in %.200q", id, what, text, element))
	}
}

func (w *walk) operation(item *openapi3.PathItem, op *openapi3.Operation, method, path string) {
	w.html(op.OperationID, "title", op.Summary)
	w.html(op.OperationID, "operationId", op.OperationID+" · needs")
	w.both(op.OperationID, "description", op.Description)
	w.both(op.OperationID, "endpoint", method+" "+path)
	w.both(op.OperationID, "operationId", op.OperationID)
	w.html(op.OperationID, "security", "needs accountSid_authToken")
	w.text("security", "Operation "+op.OperationID+". Needs accountSid_authToken.")
	if !strings.Contains(w.markdown, "## "+op.Summary) {
		w.missing = append(w.missing, "Markdown lacks the heading of "+op.OperationID)
	}
	for _, ref := range slices.Concat(item.Parameters, op.Parameters) {
		p := ref.Value
		id := op.OperationID + "-" + p.In + "-" + p.Name
		facts := slices.Concat(factsOf(p.Schema.Value), []string{"Example: " + fmt.Sprint(p.Example)})
		w.field(id, "- "+p.In+" ", p.Name, p.Required, cmpDescription(p.Description, p.Schema.Value), p.Schema.Value, facts)
		w.html(id, "place", p.Name+" "+typeOf(p.Schema.Value)+map[bool]string{true: " Required", false: ""}[p.Required]+" "+p.In)
	}
	if body := op.RequestBody; body != nil {
		w.both(op.OperationID, "body", "Request body")
		w.both(op.OperationID, "body", body.Value.Description)
		for name, media := range body.Value.Content {
			w.html(op.OperationID, "media type", "Media type "+name+" "+typeOf(media.Schema.Value))
			w.text("media type", "Media type: "+name+", "+typeOf(media.Schema.Value))
			w.examples(op.OperationID+"-body", media.Examples)
			for _, fact := range factsOf(media.Schema.Value) {
				w.html(op.OperationID, "body", strings.Replace(fact, ": ", " ", 1))
				w.text("body", "- "+fact)
			}
			w.properties(op.OperationID+"-body", media.Schema.Value, 0)
		}
	}
	for status, response := range op.Responses.Map() {
		id := op.OperationID + "-" + status
		w.both(id, "description", *response.Value.Description)
		w.html(id, "status", status)
		if !strings.Contains(w.markdown, "#### "+status+"\n") {
			w.missing = append(w.missing, "Markdown lacks the heading of "+status)
		}
		section := w.markdown[max(0, strings.Index(w.markdown, "#### "+status+"\n")):]
		if end := strings.Index(section[1:], "\n#### "); end >= 0 {
			section = section[:end+1]
		}
		for name, header := range response.Value.Headers {
			h := header.Value
			if status == "201" || response.Value.Headers[name] != nil && op.Responses.Status(201).Value.Headers[name] == nil {
				w.header(op, status, name, h)
			}
			w.html(id+"-header-"+name, "name", name+" "+typeOf(h.Schema.Value))
			if h.Required {
				w.html(id+"-header-"+name, "required", "Required")
			}
			if !strings.Contains(section, "`"+name+"` "+typeOf(h.Schema.Value)) {
				w.missing = append(w.missing, fmt.Sprintf("Markdown %s lacks the header %s", status, name))
			}
		}
		for name, media := range response.Value.Content {
			w.html(id, "media type", "Media type "+name+" "+typeOf(media.Schema.Value))
			if !strings.Contains(squeeze(section), squeeze("Media type: `"+name+"`, "+typeOf(media.Schema.Value))) {
				w.missing = append(w.missing, fmt.Sprintf("Markdown %s lacks the media type", status))
			}
			w.both(id, "schema", media.Schema.Value.Description)
			if status > "400" {
				w.html(id, "attributes", "The attributes of 400")
				if !strings.Contains(section, "The attributes of 400, above") {
					w.missing = append(w.missing, fmt.Sprintf("Markdown %s lacks its attributes", status))
				}
			} else if status == "201" {
				w.html(op.OperationID, "examples", "Response examples (201)")
			}
			w.examples(id, media.Examples)
			if status == "201" || status == "400" {
				w.properties(id, media.Schema.Value, 0)
			}
			for _, example := range media.Examples {
				value, ok := example.Value.Value.(map[string]any)
				if !ok || value["code"] == nil {
					continue
				}
				row := "error-" + fmt.Sprint(value["code"])
				for _, text := range []string{fmt.Sprint(value["code"]), fmt.Sprint(value["message"]), status, example.Value.Summary} {
					w.html(row, "error table", text)
				}
				line := fmt.Sprintf("| %v | %s | %s | %v |", value["code"], status, example.Value.Summary, value["message"])
				if !strings.Contains(w.markdown, line) {
					w.missing = append(w.missing, "Markdown lacks the row "+line)
				}
			}
		}
	}
}

// header wants all that is said of a header; where it was said before, only its name and type.
func (w *walk) header(op *openapi3.Operation, status, name string, h *openapi3.Header) {
	id := op.OperationID + "-" + status + "-header-" + name
	if strings.Contains(w.elements[id], "as above") {
		return
	}
	facts := factsOf(h.Schema.Value)
	if h.Example != nil {
		facts = append(facts, "Example: "+fmt.Sprint(h.Example))
	}
	w.field(id, "- ", name, h.Required, h.Description, h.Schema.Value, facts)
}

func cmpDescription(description string, schema *openapi3.Schema) string {
	if description != "" {
		return description
	}
	return schema.Description
}

func (w *walk) properties(id string, schema *openapi3.Schema, depth int) {
	for name, property := range schema.Properties {
		own := id + "-" + name
		w.field(own, strings.Repeat("  ", depth)+"- ", name, slices.Contains(schema.Required, name), property.Value.Description, property.Value, factsOf(property.Value))
		w.properties(own, property.Value, depth+1)
	}
}

// field wants a field's head and all its facts, in its own element and in its own item of the Markdown.
func (w *walk) field(id, bullet, name string, required bool, description string, schema *openapi3.Schema, facts []string) {
	w.html(id, "name", name)
	w.html(id, "type", name+" "+typeOf(schema))
	w.html(id, "description", description)
	if got := strings.Contains(w.elements[id], name+" "+typeOf(schema)+" Required"); got != required {
		w.missing = append(w.missing, fmt.Sprintf("HTML %s: required is %t", id, got))
	}
	head := bullet + "`" + name + "` " + typeOf(schema)
	if required {
		head += ", **required**"
	}
	found := false
	for rest := w.markdown; ; {
		at := strings.Index(rest, "\n"+head)
		if at < 0 {
			break
		}
		item := rest[at+1:]
		rest = item
		indent := len(bullet) - len(strings.TrimLeft(bullet, " "))
		if end := regexp.MustCompile(`\n {0,` + fmt.Sprint(indent) + `}\S`).FindStringIndex(item); end != nil {
			item = item[:end[0]]
		}
		all := strings.Contains(squeeze(item), squeeze(description))
		for _, fact := range facts {
			all = all && strings.Contains(squeeze(item), squeeze(fact))
		}
		found = found || all
	}
	if !found {
		w.missing = append(w.missing, fmt.Sprintf("Markdown has no item %q with its description and %q", head, facts))
	}
	for _, fact := range facts {
		w.html(id, "fact", strings.Replace(fact, ": ", " ", 1))
	}
}

func (w *walk) examples(id string, examples openapi3.Examples) {
	for name, example := range examples {
		panel := w.elements[id]
		if strings.HasSuffix(id, "-body") || strings.HasSuffix(id, "-201") {
			// Those of the request and of success stand in the other column.
			panel = w.elements[strings.SplitN(id, "-", 2)[0]]
		}
		fields, _ := example.Value.Value.(map[string]any)
		for key, value := range fields {
			encoded, _ := json.Marshal(value)
			line := fmt.Sprintf("%q: %s", key, encoded)
			if !strings.Contains(panel, line) || !strings.Contains(w.markdown, line) {
				w.missing = append(w.missing, fmt.Sprintf("%s lacks %s of the example %s", id, line, name))
			}
		}
		if !strings.Contains(panel, example.Value.Summary) || !strings.Contains(w.markdown, "Example `"+name+"`: "+example.Value.Summary) {
			w.missing = append(w.missing, fmt.Sprintf("%s lacks the summary of the example %s", id, name))
		}
	}
}

// factsOf says what the document says, in the words of the reference, found here by the schema's own names.
func factsOf(s *openapi3.Schema) []string {
	var facts []string
	labels := map[string]string{
		"minLength": "Minimum length", "maxLength": "Maximum length", "pattern": "Pattern", "minimum": "Minimum", "maximum": "Maximum", "default": "Default",
		"minItems": "Minimum items", "maxItems": "Maximum items", "multipleOf": "Multiple of", "example": "Example",
	}
	encoded, _ := s.MarshalJSON()
	var values map[string]any
	_ = json.Unmarshal(encoded, &values)
	for name, value := range values {
		if label := labels[name]; label != "" {
			facts = append(facts, fmt.Sprintf("%s: %v", label, value))
		}
	}
	if len(s.Enum) > 0 {
		var list []string
		for _, value := range s.Enum {
			list = append(list, fmt.Sprint(value))
		}
		facts = append(facts, "Allowed values: "+strings.Join(list, ", "))
	}
	if has := s.AdditionalProperties.Has; has != nil && !*has {
		facts = append(facts, "Other fields: refused")
	}
	return facts
}

func typeOf(s *openapi3.Schema) string {
	text := strings.Join(s.Type.Slice(), " | ")
	if s.Format != "" {
		text += "(" + s.Format + ")"
	}
	if s.Nullable {
		text += " | null"
	}
	return text
}

// The document's order is the page's.
func TestOrderIsTheDocuments(t *testing.T) {
	s := serve(t, build(t))
	_, markdown := get(t, s.URL+portal.Base+".md")
	at := -1
	for _, text := range []string{"`ServiceSid`", "`Identity`", "`ChallengeSid`", "### Request body", "`createWithTtl`", "`createWithDefaultTtl`",
		"#### 201", "`Access-Control-Allow-Origin`", "`Access-Control-Allow-Methods`", "`Twilio-Request-Id`", "`sid`", "`account_sid`", "`service_sid`", "`entity_sid`",
		"`identity`", "`challenge_sid`", "`priority`", "`ttl`", "`date_created`", "\"sid\":", "\"account_sid\":", "\"ttl\":", "\"date_created\":",
		"#### 400", "`code`", "`message`", "`more_info`", "`status`", "`details`", "`in`", "`field`", "`rule`", "60200", "60306", "20001", "60307", "#### 401", "#### 403", "#### 503"} {
		next := strings.Index(markdown[at+1:], text)
		if next < 0 {
			t.Fatalf("%s does not come after what is before it in the document", text)
		}
		at += next + 1
	}
	_, converted := get(t, s.URL+portal.Base+"/openapi.json")
	if strings.Index(converted, `"openapi"`) > strings.Index(converted, `"info"`) || strings.Index(converted, `"paths"`) > strings.Index(converted, `"components"`) {
		t.Error("openapi.json has another order than openapi.yaml")
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(converted))
	if err != nil || doc.Paths.Len() != 1 {
		t.Errorf("openapi.json is not the document: %v", err)
	}
}

func TestHTTP(t *testing.T) {
	p := build(t)
	s := serve(t, p)
	types := map[string]string{
		"": "text/html", ".md": "text/markdown", "/operations/CreateNotification": "text/html", "/changelog": "text/html", "/llms.txt": "text/plain",
		"/openapi.yaml": "application/yaml", "/openapi.json": "application/json", "/mcp.json": "application/json", "/search?q=ttl": "text/html", "/search.json?q=ttl": "application/json",
		"/assets/portal.css": "text/css", "/assets/portal.js": "text/javascript", "/assets/icon.svg": "image/svg+xml",
	}
	for path, want := range types {
		t.Run("GET "+path, func(t *testing.T) {
			response, body := get(t, s.URL+portal.Base+path)
			if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), want) || body == "" {
				t.Fatalf("%d %s, %d bytes", response.StatusCode, response.Header.Get("Content-Type"), len(body))
			}
			policy := response.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
				t.Errorf("the policy is %s", policy)
			}
			etag := response.Header.Get("ETag")
			if again, _ := get(t, s.URL+portal.Base+path, "If-None-Match", etag); again.StatusCode != http.StatusNotModified || etag == "" {
				t.Errorf("with its ETag %s: %d", etag, again.StatusCode)
			}
			if path == "" {
				compressed, raw := get(t, s.URL+portal.Base, "Accept-Encoding", "gzip")
				unpacked, err := gzip.NewReader(strings.NewReader(raw))
				if err != nil || compressed.Header.Get("Content-Encoding") != "gzip" || compressed.Header.Get("ETag") != etag {
					t.Fatalf("%v, %v", compressed.Header, err)
				}
				if plain, err := io.ReadAll(unpacked); err != nil || string(plain) != body {
					t.Errorf("the compressed page is another: %v", err)
				}
				if again, _ := get(t, s.URL+portal.Base, "Accept-Encoding", "gzip", "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
					t.Errorf("compressed, with its ETag: %d", again.StatusCode)
				}
			}
		})
	}
	t.Run("nothing of another host is used", func(t *testing.T) {
		_, body := get(t, s.URL+portal.Base)
		for _, reference := range regexp.MustCompile(`<(?:script|link|img|iframe|source)[^>]*(?:src|href)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if !strings.HasPrefix(reference[1], portal.Base) {
				t.Errorf("the page uses %s", reference[1])
			}
		}
		if strings.Contains(body, "style=") || regexp.MustCompile(`<script>|\son[a-z]+=`).MatchString(body) {
			t.Error("the page has a style or a script inline, which its policy refuses")
		}
	})
	t.Run("an address that is none", func(t *testing.T) {
		if response, _ := get(t, s.URL+portal.Base+"/nothing"); response.StatusCode != 404 {
			t.Errorf("%d", response.StatusCode)
		}
	})
	t.Run("a slash at the end", func(t *testing.T) {
		if response, _ := get(t, s.URL+portal.Base+"/"); response.StatusCode != 308 || response.Header.Get("Location") != portal.Base {
			t.Errorf("%d to %s", response.StatusCode, response.Header.Get("Location"))
		}
	})
	t.Run("a method that only writes", func(t *testing.T) {
		response, err := http.Post(s.URL+portal.Base, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != 405 || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%d, Allow %q", response.StatusCode, response.Header.Get("Allow"))
		}
	})
	t.Run("a query that is markup", func(t *testing.T) {
		_, body := get(t, s.URL+portal.Base+"/search?q=%3Cscript%3Ealert(1)%3C/script%3E")
		if strings.Contains(body, "<script>alert") {
			t.Error("the query is not escaped")
		}
	})
	t.Run("a long query", func(t *testing.T) {
		if _, body := get(t, s.URL+portal.Base+"/search?q="+strings.Repeat("x", 100_000)); len(body) > 10_000 {
			t.Errorf("it is answered with %d bytes", len(body))
		}
	})
}

func TestSearch(t *testing.T) {
	p := build(t)
	for query, want := range map[string]string{
		"ttl": "Ttl", "TTL": "Ttl", "service": "ServiceSid", "request id": "Twilio-Request-Id", "60309": "60309 The Challenge has had its notifications; trying again does not help",
		"basic": "Authentication", "create notification": "Create a Notification for a Challenge", "allow": "Allow",
	} {
		hits := p.Search(query, "")
		if len(hits) == 0 || hits[0].Title != want {
			t.Errorf("%q finds %+v, not %s first", query, hits, want)
		}
	}
	for _, hit := range p.Search("sid", "parameter") {
		if hit.Kind != "parameter" {
			t.Errorf("a search for parameters finds %+v", hit)
		}
	}
	if hits := p.Search("a", ""); len(hits) != 20 {
		t.Errorf("%d hits, not 20", len(hits))
	}
	if hits := p.Search("xyzzy", ""); len(hits) != 0 {
		t.Errorf("found %+v", hits)
	}
	// What is found is there.
	s := serve(t, p)
	_, page := get(t, s.URL+portal.Base)
	for _, query := range []string{"ttl", "sid", "error", "header", "allow"} {
		for _, hit := range p.Search(query, "") {
			if _, anchor, ok := strings.Cut(hit.Path, "#"); ok && !strings.Contains(page, `id="`+anchor+`"`) {
				t.Errorf("the page has no place %s", hit.Path)
			}
		}
	}
}

func TestChangelog(t *testing.T) {
	version := func(name string, replace ...string) *fstest.MapFile {
		text := strings.Replace(string(nudge.OpenAPI), "version: 1.0.0", "version: "+name, 1)
		return &fstest.MapFile{Data: []byte(strings.NewReplacer(replace...).Replace(text))}
	}
	p := build(t, func(c *portal.Config) {
		c.Versions = fstest.MapFS{
			"0.9.0.yaml":  version("0.9.0", "maximum: 300", "maximum: 600"),
			"0.10.0.yaml": version("0.10.0"),
		}
		c.Document = version("1.0.0", "maximum: 300", "maximum: 900").Data
	})
	var names []string
	for _, v := range p.Versions() {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"unreleased", "0.10.0", "0.9.0"}) {
		t.Fatalf("the versions are %v", names)
	}
	s := serve(t, p)
	_, page := get(t, s.URL+portal.Base+"/changelog")
	for _, text := range []string{`<span class="severity breaking">breaking</span>`, "request-property-max-decreased", "request-property-max-increased", "The first version.", `id="0.10.0-1"`} {
		if !strings.Contains(page, text) {
			t.Errorf("the changelog lacks %s", text)
		}
	}
	if hits := p.Search("max-decreased", "change"); len(hits) != 1 || hits[0].Path != portal.Base+"/changelog#0.10.0-1" {
		t.Errorf("the search finds %+v", hits)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, url := range []string{"", "notify.example.com", "ftp://notify.example.com", "https://", "https://notify.example.com/path", "https://user:secret@notify.example.com"} {
		if _, err := portal.New(portal.Config{PublicURL: url}); err == nil {
			t.Errorf("the public URL %q is taken", url)
		}
	}
	if _, err := portal.New(portal.Config{PublicURL: publicURL, Document: []byte("openapi: 3.0.3")}); err == nil {
		t.Error("a document that is none is taken")
	}
}

// No secret is on a page of a server that is not for development.
func TestCredentialsAreNotInvented(t *testing.T) {
	s := serve(t, build(t))
	_, markdown := get(t, s.URL+portal.Base+".md")
	for _, text := range []string{"$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN", `os.Getenv("TWILIO_AUTH_TOKEN")`, "process.env.TWILIO_AUTH_TOKEN", `os.environ["TWILIO_AUTH_TOKEN"]`, publicURL + "/v2/Services/VA"} {
		if !strings.Contains(markdown, text) {
			t.Errorf("the samples lack %s", text)
		}
	}
	if strings.Contains(markdown, "dev0token") {
		t.Error("the samples have the token of development")
	}
}

// Documents of other people have what ours has not.
func TestEverything(t *testing.T) {
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, build(t, func(c *portal.Config) { c.Document, c.Versions = everything, fstest.MapFS{} }))
	_, page := get(t, s.URL+portal.Base)
	_, markdown := get(t, s.URL+portal.Base+".md")
	w := &walk{elements: map[string]string{}, markdown: markdown, squeezed: squeeze(markdown)}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	w.collect(root)
	ids, names := map[string]bool{}, map[string]int{}
	for n := range root.Descendants() {
		radio := ""
		for _, a := range n.Attr {
			if a.Key == "id" && ids[a.Val] {
				t.Errorf("two places are called %s", a.Val)
			}
			if a.Key == "id" {
				ids[a.Val] = true
			}
			if a.Key == "name" && strings.HasSuffix(a.Val, "-tabs") {
				radio = a.Val
			}
		}
		for _, a := range n.Attr {
			if a.Key == "checked" && radio != "" {
				names[radio]++
			}
		}
	}
	for name, checked := range names {
		if checked != 1 {
			t.Errorf("%d tabs of %s are chosen", checked, name)
		}
	}
	for _, link := range regexp.MustCompile(`<(?:a href="#|label for=")([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !ids[html.UnescapeString(link[1])] {
			t.Errorf("there is no place for the link #%s", link[1])
		}
	}
	if strings.Contains(page, "<img") || strings.Contains(page, "<script>alert") {
		t.Error("the description brings an image or a script")
	}
	for _, c := range []struct{ id, want string }{
		{"FetchThing", "needs bearer"},
		{"HTTPRemove", "needs no credentials or basic and key"},
		{"Update-Thing-now", "needs no credentials"},
		{"FetchThing-query-q", "q array of string Required query"},
		{"FetchThing-header-X-Level", "Above 1"},
		{"FetchThing-query-first", "Example one a Example two b"},
		{"FetchThing-200-header-X-Other", "X-Other integer as above"},
		{"FetchThing-200", "base string Required From the base."},
		{"FetchThing-200", "Allowed values 1, 2, null"},
		{"FetchThing-200", "Other fields integer"},
		{"FetchThing-200", "inside boolean"},
		{"FetchThing-200", "array"},
	} {
		id, want := c.id, c.want
		found := w.elements[id]
		for other, text := range w.elements {
			if strings.HasPrefix(other, id+"-") && !strings.Contains(found, want) && strings.Contains(text, want) {
				found = text
			}
		}
		if !strings.Contains(found, want) {
			t.Errorf("%s lacks %q in %q", id, want, found)
		}
	}
	for _, want := range []string{"````json\n", "```text\nhello\n```", `-H "Authorization: Bearer $TOKEN"`, "-H 'X-Level: 1'", "FetchThingParams{}", "(empty)"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("the Markdown lacks %q", want)
		}
	}
	if strings.Contains(markdown, "<nil>") || strings.Contains(markdown, "twilio(") {
		t.Error("a null is <nil>, or there is a sample of an SDK that has no such call")
	}
	_, merged := get(t, serve(t, build(t, func(c *portal.Config) {
		c.Versions = fstest.MapFS{}
		c.Document = []byte(strings.Replace(strings.Replace(string(everything), "    Base:\n", "    Base: &base\n", 1), "    Thing:\n", "    Merged:\n      <<: *base\n      description: Merged.\n    Thing:\n", 1))
	})).URL+portal.Base+"/openapi.json")
	if strings.Contains(merged, "<<") || !strings.Contains(merged, `"Merged."`) {
		t.Error("openapi.json keeps what only YAML has")
	}
}
