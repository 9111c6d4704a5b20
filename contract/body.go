package contract

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/serialize"
)

// sample makes a valid value of the body.
func (b *body) sample(all bool) (any, error) {
	if b.model == nil {
		return "abc", nil
	}
	if !all {
		for _, value := range given(b.media.Example, b.media.Examples) {
			if b.model.Valid(value) {
				if _, ok := b.write(value); ok {
					return value, nil
				}
			}
		}
	}
	return sample.Make(b.model, all)
}

// written is a value that can be written: with what is required, or else with all that is optional too. An object without fields
// is none in a form, and no body of multipart.
func (b *body) written() (any, error) {
	failed := errNoValue
	for _, all := range []bool{false, true} {
		value, err := b.sample(all)
		if err == nil {
			if _, ok := b.write(value); ok {
				return value, nil
			}
			continue
		}
		failed = err
	}
	return nil, failed
}

// withBodyOf is the base with a body of a value.
func (d *deriver) withBodyOf(value any) (request, bool) {
	data, ok := d.body.write(value)
	return d.base.with(func(r *request) {
		r.header.Set("Content-Type", d.body.mediaType)
		r.body = data
	}), ok
}

// bodyValues tries the values of a body by its schema.
func (d *deriver) bodyValues() {
	b := d.body
	if b == nil {
		return
	}
	base := d.document
	if base == nil {
		// A form whose fields have rules: the strict ones say all of it.
		var err error
		if base, err = b.sample(false); err != nil || d.settings.strict {
			return
		}
	}
	rule := d.at(openapi.At(d.op.Spec.RequestBody.Value.Origin), "requestBody")
	if r, ok := d.withBodyOf(base); ok {
		r.description = "a body with what is required" + d.as
		d.add("values", r.description, " is accepted", rule, d.valid, r)
	}
	if b.media.Schema == nil || b.model == nil {
		return
	}
	// Of another media type than the first, the same schema is tried less.
	most := sample.Many
	if d.as != "" {
		most /= 4
	}
	sent := map[string]bool{}
	if full, err := b.sample(true); err == nil && (!b.asText || !hasEmpty(full)) {
		full = d.withFixtures(full)
		if r, ok := d.withBodyOf(full); ok {
			d.add("examples", "a body with all that is optional"+d.as, " is accepted", rule, d.valid, r)
			d.bodyCases(full, sent, most)
			if reflect.DeepEqual(full, base) {
				return
			}
		}
	}
	d.bodyCases(base, sent, most/4)
}

// otherBodies tries the values of bodies of the other media types, and names those of which none can be made.
func (d *deriver) otherBodies() {
	if d.body == nil {
		return
	}
	for _, name := range d.unmade {
		d.untried(name, errNoBody)
	}
	was, document, rules := d.body, d.document, d.fieldRules
	defer func() { d.body, d.document, d.fieldRules, d.as = was, document, rules, "" }()
	d.fieldRules = nil
	for _, other := range d.bodies {
		if other == was {
			continue
		}
		value, err := other.written()
		if err == nil {
			d.body, d.document, d.as = other, d.withFixtures(value), " as "+other.name
			_, ok := d.withBodyOf(d.document)
			if ok {
				d.bodyValues()
				continue
			}
			err = errNoValue
		}
		d.untried(other.name, err)
	}
}

// withDocument is the base with the body of most cases, where one was made.
func (d *deriver) withDocument() (request, bool) {
	if d.body == nil || d.document == nil {
		return request{}, false
	}
	return d.withBodyOf(d.document)
}

// multipart sends bodies that are no multipart: a server may refuse them, and may not fail.
func (d *deriver) multipart() {
	if d.settings.strict {
		return
	}
	for _, b := range d.bodies {
		if openapi.MediaType(b.name) != "multipart/form-data" {
			continue
		}
		for _, odd := range []struct{ what, text string }{
			{"that begins with no boundary", "abc"},
			{"that is cut off", "--" + boundary + "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nab"},
			{"whose part has no name", "--" + boundary + "\r\nnonsense\r\n\r\nabc\r\n--" + boundary + "--\r\n"},
		} {
			r := d.base.with(func(r *request) {
				r.header.Set("Content-Type", b.mediaType)
				r.body, r.reason = []byte(odd.text), badBody
			})
			r.description = "a multipart body " + odd.what
			d.add("wire", r.description, " is answered", "RFC 9110 section 15", unjudged, r)
		}
	}
}

// isOfNoStyle tells whether a place is in a list that is written as a deepObject: how, nothing says.
func (b *body) isOfNoStyle(place string) bool {
	if b.media.Schema == nil {
		return false
	}
	name, _, _ := strings.Cut(place, ".")
	name, _, _ = strings.Cut(name, "[")
	property := openapi.Property(b.media.Schema.Value, name)
	return property != nil && property.Value != nil && openapi.Types(property.Value)["array"] && serialize.Field(b.media, name).Style == "deepObject"
}

// untried tells that bodies of a media type are not tried, and why.
func (d *deriver) untried(mediaType string, why error) {
	c := d.add("examples", "a body of "+mediaType, " is accepted", d.at(openapi.At(d.op.Spec.RequestBody.Value.Origin), "requestBody content"), d.valid, d.base)
	c.Skip = why.Error()
}

// bodyCases adds the cases of a valid value of the body, but for those that were sent.
func (d *deriver) bodyCases(value any, sent map[string]bool, most int) {
	b := d.body
	ruled := d.ruled()
	for _, c := range d.samples(value, most, ruled) {
		if slices.Contains(ruled, c.Place) || b.asText && b.isOfNoStyle(c.Place) {
			continue
		}
		r, value, ok := d.withCase(c, sent)
		if !ok {
			continue
		}
		if b.asText {
			var clear bool
			if c.Valid, clear = asTexts(b.model, value, b.readings); !clear {
				continue
			}
		}
		if _, isText := value.(string); b.asText || isText {
			// Which letters the bytes are, not all readers say alike.
			c.Odd = c.Odd || c.Valid && strings.Contains(fmt.Sprint(value), "é")
		}
		if !c.Valid {
			r.offender = "body"
		}
		d.addSample("", b.media.Schema.Value, c, r)
	}
}

// withCase is the base with the body of a case, and its value; ok is false for one that cannot be written, or was sent. The bodies of
// all cases would fill the memory: most are written when they are sent.
func (d *deriver) withCase(c sample.Case, sent map[string]bool) (r request, value any, ok bool) {
	b, value := d.body, c.Value()
	r = d.base.with(func(r *request) { r.header.Set("Content-Type", b.mediaType) })
	isAnew := c.Valid && c.Place == ""
	if isAnew {
		value = d.withFixtures(value)
	}
	if isAnew || !isJSONBody(b.name, b.model) {
		data, ok := b.write(value)
		if !ok || sent[string(data)] {
			return r, value, false
		}
		sent[string(data)] = true
		r.body = data
	}
	if !isAnew {
		r.body, r.write = nil, func() []byte {
			data, _ := b.write(c.Value())
			return data
		}
	}
	return r, value, true
}

// samples are the cases of a value of the body. Those of another media type with the same schema are the first of those that were
// made before.
func (d *deriver) samples(value any, most int, ruled []string) []sample.Case {
	text, err := json.Marshal(value)
	if err != nil || len(ruled) > 0 {
		return sample.Cases(d.body.model, value, most, ruled...)
	}
	key := fmt.Sprintf("%p %s", d.body.model, text)
	known, ok := d.sampled[key]
	if !ok {
		known = sample.Cases(d.body.model, value, most)
		d.sampled[key] = known
	}
	return known[:min(len(known), most)]
}

// ruled are the fields of a form that have a rule, whose cases are better.
func (d *deriver) ruled() (names []string) {
	if d.body.mediaType == openapi.FormType {
		for _, r := range d.fieldRules {
			names = append(names, r.Name)
		}
	}
	return names
}
