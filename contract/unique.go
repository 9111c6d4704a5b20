package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
)

const (
	// uniqueDigits is how many digits make a value unique.
	uniqueDigits = 8
	// maxUniqueText bounds a text that is made unique, in characters.
	maxUniqueText = 1000
)

// unique gives the texts of a valid body that were made, and not given, values of their own where the document declares that there
// may be one already: also in another run.
func (d *deriver) unique(q request) request {
	made, ok := d.document.(map[string]any)
	if q.body == nil || d.body != nil && len(given(d.body.media.Example, d.body.media.Examples)) > 0 {
		return q
	}
	if d.settings.strict || d.body == nil || d.body.model == nil || !ok || !d.op.Declares(http.StatusConflict) {
		return q
	}
	others := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		_, isText := made[name].(string)
		property := openapi.Property(d.body.media.Schema.Value, name)
		if _, fixed := d.fixture(name); !isText || fixed || property == nil || property.Value == nil {
			continue
		}
		if other := d.another(property.Value); other != "" {
			others[name] = other
		}
	}
	if openapi.MediaType(q.header.Get("Content-Type")) == openapi.FormType {
		return uniqueForm(q, d.body.model, made, others)
	}
	return uniqueJSON(q, d.body.model, made, others)
}

// another is a text that no other request has; empty where none can be made, or the document says which there are.
func (d *deriver) another(s *openapi3.Schema) string {
	if len(s.Enum)+len(s.AllOf)+len(s.OneOf)+len(s.AnyOf)+len(s.Examples) > 0 || s.Const != nil || s.Example != nil || s.Default != nil {
		return ""
	}
	d.drawn++
	n := (d.settings.first + uint64(d.drawn)) % 2_821_109_907_456 // All that eight digits of base 36 write.
	digits := strconv.FormatUint(n, 36)
	digits = strings.Repeat("0", uniqueDigits-len(digits)) + digits
	switch {
	case s.Format == "email":
		return digits[:1] + "@" + digits[1:] + ".com"
	case s.Format == "uuid":
		return "00000000-0000-4000-8000-" + strings.Repeat("0", 12-len(strconv.FormatUint(n, 16))) + strconv.FormatUint(n, 16)
	case s.Format != "":
		return ""
	case s.Pattern != "":
		return sample.Matching(s.Pattern, int(n%(1<<40))) //nolint:gosec // It is small.
	case s.MaxLength != nil && *s.MaxLength < uniqueDigits:
		return digits[uniqueDigits-*s.MaxLength:]
	case s.MinLength > uniqueDigits && s.MinLength < maxUniqueText:
		return strings.Repeat("0", int(s.MinLength)-uniqueDigits) + digits //nolint:gosec // It is small.
	}
	return digits
}

// uniqueJSON puts others into the fields of a JSON body that are as they were made, if it is valid and stays so.
func uniqueJSON(q request, model *schema.Schema, made map[string]any, others map[string]string) request {
	var sent map[string]any
	decoder := json.NewDecoder(bytes.NewReader(q.body))
	decoder.UseNumber()
	if decoder.Decode(&sent) != nil {
		return q
	}
	if text, ok := writeJSON(sent); !ok || !bytes.Equal(text, q.body) || !model.Valid(sent) {
		// It is written otherwise on purpose, or wrong.
		return q
	}
	for name, value := range others {
		was := sent[name]
		if was != made[name] {
			// The case is about it.
			continue
		}
		if sent[name] = value; !model.Valid(sent) {
			sent[name] = was
		}
	}
	text, ok := writeJSON(sent)
	if !ok {
		return q
	}
	return q.with(func(own *request) { own.body = text })
}

// uniqueForm does so with a form.
func uniqueForm(q request, model *schema.Schema, made map[string]any, others map[string]string) request {
	pairs := strings.Split(string(q.body), "&")
	other := maps.Clone(made)
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		value, there := others[name]
		was, _ := made[name].(string)
		if !there || pair != name+"="+url.QueryEscape(was) {
			continue
		}
		if other[name] = value; model.Valid(other) {
			pairs[i] = name + "=" + url.QueryEscape(value)
		} else {
			other[name] = was
		}
	}
	return q.with(func(own *request) { own.body = []byte(strings.Join(pairs, "&")) })
}
