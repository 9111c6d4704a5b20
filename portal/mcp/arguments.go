package mcp

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/rule"
)

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
