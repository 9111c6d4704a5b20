package portal_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/net/html"
)

func cmpDescription(description string, schema *openapi3.Schema) string {
	if description != "" {
		return description
	}
	return schema.Description
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

// missingOfEverything lists what the two forms of testdata/everything.yaml do not say.
func missingOfEverything(t *testing.T, page, markdown string) (missing []string) {
	t.Helper()
	w := &walk{elements: map[string]string{}}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	w.collect(root)
	for _, c := range []struct{ id, want string }{
		{id: "FetchThing", want: "needs bearer"},
		{id: "HTTPRemove", want: "/v2/Things/{Sid} Deprecated"},
		{id: "Update-Thing-now", want: "Request body Required"},
		{id: "ThingRemoved", want: "POST {$request.query.url} callback of HTTPRemove, sent to you"},
		{id: "FetchThing-query-first", want: "Deprecated query"},
		{id: "HTTPRemove", want: "needs no credentials or basic and key"},
		{id: "Update-Thing-now", want: "needs no credentials"},
		{id: "FetchThing-query-q", want: "q array of string Required query"},
		{id: "FetchThing-header-X-Level", want: "above 1"},
		{id: "FetchThing-query-first", want: "such as a (one) such as b (two)"},
		{id: "FetchThing-200-header-X-Other", want: "X-Other integer as above"},
		{id: "FetchThing-200", want: "base string Required From the base."},
		{id: "FetchThing-200", want: "one of 1, 2, null"},
		{id: "FetchThing-200", want: "other fields integer"},
		{id: "FetchThing-200", want: "inside boolean"},
		{id: "FetchThing-200", want: "array"},
		{id: "FetchThing", want: `"name": "<script>alert(3)</script> \\\" x", "base": "b"`},
		{id: "FetchThing", want: `<script>alert(2)</script> "a": 1`},
	} {
		id, want := c.id, c.want
		found := w.elements[id]
		for other, text := range w.elements {
			if strings.HasPrefix(other, id+"-") && !strings.Contains(found, want) && strings.Contains(text, want) {
				found = text
			}
		}
		if !strings.Contains(found, want) {
			missing = append(missing, fmt.Sprintf("%s lacks %q in %q", id, want, found))
		}
	}
	for _, want := range []string{"````json\n", "```text\nhello\n```", `-H "Authorization: Bearer $TOKEN"`, "-H 'X-Level: 1'", "FetchThingParams{}", "(empty)", "`first` string, deprecated\n", "(deprecated)", "(callback of HTTPRemove, sent to you)", "### Request body, required",
		"Needs no credentials or `basic` and `key`.", "`Update Thing/now`. Needs no credentials."} {
		if !strings.Contains(markdown, want) {
			missing = append(missing, fmt.Sprintf("the Markdown lacks %q", want))
		}
	}
	return missing
}

// said is what a page of HTML says of a fact among others: bounds as a person would say them.
func said(fact string, all []string) string {
	label, value, _ := strings.Cut(fact, ": ")
	of := func(label string) string {
		for _, other := range all {
			if rest, ok := strings.CutPrefix(other, label+": "); ok {
				return rest
			}
		}
		return ""
	}
	for _, r := range []struct{ least, most, unit string }{
		{"Minimum length", "Maximum length", " character"}, {"Minimum", "Maximum", ""}, {"Minimum items", "Maximum items", " item"},
	} {
		if label != r.least && label != r.most {
			continue
		}
		switch least, most := of(r.least), of(r.most); {
		case least == most:
			return least + r.unit
		case least == "":
			return "at most " + most + r.unit
		case most == "":
			return "at least " + least + r.unit
		default:
			return least + " to " + most + r.unit
		}
	}
	words := map[string]string{"Pattern": "", "Allowed values": "one of ", "Default": "default ", "Example": "such as ", "Other fields": "other fields ", "Multiple of": "multiple of "}
	return words[label] + value
}
