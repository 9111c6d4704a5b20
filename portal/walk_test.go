package portal_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/net/html"
)

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
		w.html("", "labels", "Servers "+doc.Servers[0].URL)
		w.html("", "labels", "This server Authentication accountSid_authToken")
		for _, heading := range []string{"\n## Servers\n\n- " + doc.Servers[0].URL, ": This server\n", "\n## Authentication\n"} {
			if !strings.Contains(markdown, heading) {
				w.missing = append(w.missing, fmt.Sprintf("Markdown lacks %q", heading))
			}
		}
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
	w.text("license", "("+doc.Info.License.URL+")")
	if !strings.Contains(page, `<a href="`+doc.Info.License.URL+`"`) {
		w.missing = append(w.missing, "HTML lacks the license's URL")
	}
	for _, tag := range doc.Tags {
		w.html("CreateNotification", "tag", "· "+tag.Name+": "+tag.Description)
		w.text("tag", "Tag "+tag.Name+": "+tag.Description)
	}
	if !strings.Contains(page, ">Parameters</h3>") {
		w.missing = append(w.missing, "HTML lacks the heading Parameters")
	}
	for _, info := range regexp.MustCompile(`more_info: (\S+)`).FindAllSubmatch(source, -1) {
		if !strings.Contains(page, `<a href="`+string(info[1])+`"`) {
			w.missing = append(w.missing, "HTML lacks the link "+string(info[1]))
		}
	}
	// The words between what the document says.
	for _, label := range []string{
		"Version " + doc.Info.Version, "Parameters ServiceSid", "Request body optional", "Responses 201", "Show Hide headers", "Show Hide response attributes",
		"Show Hide attributes", "Call it", "Request examples", "Response examples (201)", "Errors Code Status When Message",
	} {
		w.html("", "label", label)
	}
	for _, label := range []string{
		"\nVersion " + doc.Info.Version, "\n### Parameters\n", "\n### Request body, optional\n", "\n### Samples\n", "\n### Responses\n", "\nHeaders:\n", ", as above\n", "\n## Errors\n",
		"\n| Code | Status | When | Message |\n",
	} {
		if !strings.Contains(markdown, label) {
			w.missing = append(w.missing, fmt.Sprintf("Markdown lacks the label %q", label))
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			// What has the method's colour, and what has one answer shown at a time.
			for _, mark := range []string{`<p class="endpoint"><span class="verb" data-method="` + method + `">`, `name="` + op.OperationID + `-statuses"`} {
				if !strings.Contains(page, mark) {
					w.missing = append(w.missing, "HTML lacks "+mark)
				}
			}
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
		// What is marked within code is not a word apart.
		if child.Type == html.ElementNode && n.Data != "code" {
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
				w.html(op.OperationID, "body", said(fact, factsOf(media.Schema.Value)))
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
		w.html(id, "fact", said(fact, facts))
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
