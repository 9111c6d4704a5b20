package contract

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
)

// withJSON is the base with a JSON body.
func (d *deriver) withJSON(mediaType string, value any) request {
	body, err := json.Marshal(value)
	if err != nil {
		// Only a value that no document holds.
		body = []byte("null")
	}
	return d.base.with(func(r *request) {
		r.header.Set("Content-Type", mediaType)
		r.body = body
	})
}

// withRawJSON is the base with a JSON body as it stands on the wire.
func (d *deriver) withRawJSON(body string) request {
	return d.base.with(func(r *request) {
		r.header.Set("Content-Type", d.body.mediaType)
		r.body = []byte(body)
	})
}

// spelling is a text that is sent as JSON.
type spelling struct {
	what, body string
	expect     expectation
}

// withNumber writes an object with another text in the place of its first number; ok is false where it has none.
func withNumber(value any, text string) (string, bool) {
	object, _ := value.(map[string]any)
	for _, name := range sortedKeys(object) {
		switch object[name].(type) {
		case json.Number, float64:
			const mark = "3141592653589793"
			changed := maps.Clone(object)
			changed[name] = json.Number(mark)
			data, err := json.Marshal(changed)
			return strings.Replace(string(data), mark, text, 1), err == nil
		}
	}
	return "", false
}

// json tries other spellings of a JSON body, and bodies that are none.
func (d *deriver) json() {
	if d.body == nil || !openapi.IsJSON(d.body.mediaType) || d.document == nil {
		return
	}
	rule := d.at(openapi.At(d.op.Spec.RequestBody.Value.Origin), "requestBody")
	text, err := json.Marshal(d.document)
	if err != nil {
		return
	}
	valid := string(text)
	spellings := []spelling{
		{"with a bracket after it", valid + "]", refused},
		{"of one bracket", "{", refused}, {"of no JSON", "abc", refused}, {"with single quotes", "{'a':1}", refused},
		{"with spaces around it", " \n" + valid + "\t\n", d.valid},
	}
	if last := valid[len(valid)-1]; last == '}' || last == ']' {
		cut := valid[:len(valid)-1]
		spellings = append(spellings, []spelling{
			{"cut off", cut, refused}, {"with a value after it", valid + valid, refused}, {"with a comment", cut + "/* */" + string(last), refused},
		}...)
		if len(valid) > 2 {
			spellings = append(spellings, spelling{"with a comma after its last part", cut + "," + string(last), refused})
		}
	}
	for _, field := range []struct{ what, value string }{{"NaN", "NaN"}, {"Infinity", "Infinity"}, {"a number with a leading zero", "010"}} {
		if with, ok := withNumber(d.document, field.value); ok {
			spellings = append(spellings, spelling{"with " + field.what, with, refused})
		}
	}
	for _, c := range spellings {
		r := d.withRawJSON(c.body)
		if c.expect == refused {
			d.add("wire", "a body "+c.what, " is refused", "RFC 8259", refused, r)
		} else {
			d.add("wire", "a body "+c.what, " is accepted", "RFC 8259", c.expect, r)
		}
	}
	if !d.settings.strict {
		for _, odd := range []struct{ what, body string }{
			{"with bytes outside of UTF-8", valid[:len(valid)-1] + "\xff\xfe" + valid[len(valid)-1:]}, {"after a byte order mark", "\ufeff" + valid}, {"nested 2,000 deep", strings.Repeat("[", 2_000) + strings.Repeat("]", 2_000)},
		} {
			r := d.withRawJSON(odd.body)
			r.description = "a body " + odd.what
			d.add("wire", r.description, " is answered", "RFC 9110 section 15", unjudged, r)
		}
	}
	if d.op.Spec.RequestBody.Value.Required {
		d.add("required", "a request without a body", " is refused", rule, refused, d.base.with(func(r *request) {
			r.body = nil
			r.header.Del("Content-Type")
			// Some look at the media type first.
			r.reason = noMediaType
		}))
		d.add("wire", "an empty body", " is refused", rule, refused, d.withRawJSON(""))
	}
}
