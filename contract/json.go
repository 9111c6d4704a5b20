package contract

import (
	"encoding/json"

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

// json tries other spellings of a JSON body, and bodies that are none.
func (d *deriver) json() {
	if d.body == nil || !openapi.IsJSON(d.body.mediaType) || d.document == nil {
		return
	}
	rule := d.at(openapi.Line(d.op.Spec.RequestBody.Value.Origin), "requestBody")
	text, err := json.Marshal(d.document)
	if err != nil {
		return
	}
	valid := string(text)
	for _, c := range []struct {
		what, body string
		expect     expectation
	}{
		{"cut off", valid[:len(valid)-1], refused}, {"with a value after it", valid + valid, refused}, {"with a bracket after it", valid + "]", refused},
		{"of one bracket", "{", refused}, {"of no JSON", "abc", refused}, {"with single quotes", "{'a':1}", refused},
		{"with spaces around it", " \n" + valid + "\t\n", d.valid},
	} {
		r := d.withRawJSON(c.body)
		if c.expect == refused {
			d.add("wire", "a body "+c.what+" is refused", "RFC 8259", refused, r)
		} else {
			d.add("wire", "a body "+c.what+" is accepted", "RFC 8259", c.expect, r)
		}
	}
	if d.op.Spec.RequestBody.Value.Required {
		d.add("wire", "an empty body is refused", rule, refused, d.withRawJSON(""))
	}
}
