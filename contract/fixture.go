package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// checkFixtures wants every fixture to be a valid value of something that the document has.
func checkFixtures(s *settings, j *conform.Document) error {
	for _, name := range sortedKeys(s.fixtures) {
		known := false
		for _, op := range j.Operations {
			for _, r := range slices.Concat(op.Parameters, op.Form) {
				if r.Name != name && op.ID+"."+r.Name != name {
					continue
				}
				if known = true; !strings.Contains(name, ".") && !allowedSomewhere(j, name, s.fixtures[name]) {
					return fmt.Errorf("the fixture %s must be %s", name, r)
				}
			}
			bare := strings.TrimPrefix(name, op.ID+".")
			known = known || hasProperty(op.Operation, bare) || slices.ContainsFunc(op.EffectiveParameters(), func(p *openapi3.Parameter) bool { return p.Name == bare })
		}
		if known && !fitsSomewhere(j, name, s.fixtures[name]) {
			return fmt.Errorf("the fixture %s is against the schema of every parameter of its name", name)
		}
		if !known {
			return fmt.Errorf("the fixture %q is no parameter and no field of the document", name)
		}
	}
	return nil
}

// fitsSomewhere tells whether a value keeps the schema of one of the parameters of a name, or there is none by which it can be judged.
func fitsSomewhere(j *conform.Document, name, value string) bool {
	judged := false
	for _, op := range j.Operations {
		for _, p := range op.EffectiveParameters() {
			if p.Name != name && op.ID+"."+p.Name != name || p.Schema == nil {
				continue
			}
			model, err := j.Schemas.Of(p.Schema.Value, schema.Request)
			if err != nil || slices.ContainsFunc(serialize.Readings(value), model.Valid) {
				return true
			}
			judged = true
		}
	}
	return !judged
}

// allowedSomewhere tells whether a value is right for one of the parameters or fields of a name.
func allowedSomewhere(j *conform.Document, name, value string) bool {
	for _, op := range j.Operations {
		for _, r := range slices.Concat(op.Parameters, op.Form) {
			if r.Name == name && r.Allows(value) {
				return true
			}
		}
	}
	return false
}

// hasProperty tells whether a body of the operation has a field, however deep.
func hasProperty(op openapi.Operation, name string) bool {
	if op.Spec.RequestBody == nil {
		return false
	}
	has := false
	for _, media := range op.Spec.RequestBody.Value.Content {
		openapi.Within(media.Schema, func(s *openapi3.Schema) { has = has || s.Properties[name] != nil })
	}
	return has
}

// fixture is the value that a parameter or a field must have: of this operation, or of all.
func (d *deriver) fixture(name string) (string, bool) {
	if value, ok := d.settings.fixtures[d.op.ID+"."+name]; ok {
		return value, true
	}
	value, ok := d.settings.fixtures[name]
	return value, ok && d.mayBe(name, value)
}

// mayBe tells whether a value is right for what has this name here: another operation may have another parameter of the name.
func (d *deriver) mayBe(name, value string) bool {
	for _, p := range d.op.EffectiveParameters() {
		if p.Name != name {
			continue
		}
		if model := d.model(p.Schema); model != nil {
			return slices.ContainsFunc(serialize.Readings(value), model.Valid)
		}
	}
	return true
}

// withFixtures puts fixtures into the fields of a body that have their names.
func (d *deriver) withFixtures(value any) any {
	switch value := value.(type) {
	case map[string]any:
		changed := map[string]any{}
		for name, field := range value {
			changed[name] = d.withFixtures(field)
			if text, ok := d.fixture(name); ok {
				changed[name] = asJSON(field, text)
			}
		}
		return changed
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = d.withFixtures(item)
		}
		return list
	}
	return value
}

// asJSON is a text as a value of the kind that another one has.
func asJSON(like any, text string) any {
	if _, isText := like.(string); isText {
		return text
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return text
	}
	return value
}
