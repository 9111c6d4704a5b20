package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
)

// makeForm puts the required fields of a form into the base.
func (d *deriver) makeForm() error {
	if d.op.FormSchema == nil {
		return nil
	}
	for _, r := range d.fieldRules {
		if !slices.Contains(d.op.FormSchema.Required, r.Name) {
			continue
		}
		value, err := d.exampleOf(r.Name, d.op.FormSchema.Properties[r.Name], nil, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		d.fields = append(d.fields, field{r.Name, value})
	}
	if len(d.fields) > 0 || d.op.Spec.RequestBody.Value.Required {
		d.base = d.withForm(d.fields)
	}
	return nil
}

// withForm is the base with a form.
func (d *deriver) withForm(fields []field) request {
	return d.withRawForm(string(encode(fields)))
}

// withRawForm is the base with a form as it stands on the wire.
func (d *deriver) withRawForm(body string) request {
	return d.base.with(func(r *request) {
		r.header.Set("Content-Type", openapi.FormType)
		r.body = []byte(body)
	})
}

// withField is the base's form with a field set.
func (d *deriver) withField(name, value string) request {
	return d.withForm(append(d.fieldsWithout(name), field{name, value}))
}

func (d *deriver) fieldsWithout(name string) []field {
	return slices.DeleteFunc(slices.Clone(d.fields), func(f field) bool { return f.name == name })
}

// form tries the fields of a form, and forms that are none.
func (d *deriver) form() {
	s := d.op.FormSchema
	if s == nil || d.body == nil || d.body.mediaType != openapi.FormType {
		return
	}
	for _, r := range d.fieldRules {
		schema := s.Properties[r.Name].Value
		d.values(r.Name, schema, r, func(value string) request { return d.withField(r.Name, value) })
		if schema.Default != nil && !slices.Contains(s.Required, r.Name) {
			d.add("values", r.Name+" left out", " is its default", d.at(openapi.AtField(schema.Origin, "default"), r.Name+" default"), d.valid, d.withForm(d.fieldsWithout(r.Name)))
		}
		if slices.Contains(s.Required, r.Name) {
			d.add("required", r.Name+" left out", " is refused", d.at(openapi.AtField(s.Origin, "required"), r.Name+" required"), refused, d.withForm(d.fieldsWithout(r.Name)))
		}
		if d.settings.strict {
			d.fieldShapes(r)
			d.smuggled(r)
		}
	}
	if len(d.fields) == 0 {
		d.add("wire", "an empty form", " is accepted", d.at(openapi.AtField(s.Origin, "type"), "requestBody"), d.valid, d.withRawForm(""))
		if !d.op.Spec.RequestBody.Value.Required {
			d.add("wire", "no body and no media type", " is accepted", d.at(openapi.Position{}, "requestBody required: false"), d.valid, d.base)
		}
	}
	if d.settings.strict {
		d.unknownFields()
	}
}

// unknownFields tries fields that the document does not name.
func (d *deriver) unknownFields() {
	s := d.op.FormSchema
	expect := d.valid
	if s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has {
		expect = refused
	} else if s.AdditionalProperties.Schema != nil {
		expect = either
	}
	rule := d.at(openapi.AtField(s.Origin, "additionalProperties"), "additionalProperties")
	verdict := map[expectation]string{refused: "is refused", accepted: "is accepted", acceptedOrUnknown: "is accepted", either: "is judged"}[expect]
	beside := d.full()
	unknown := func(what, name, value string) {
		add := func(what string, among []field) {
			c := d.add("fields", what, " "+verdict, rule, expect, d.withForm(append(slices.Clone(among), field{name, value})))
			if name == marker || value == marker {
				c.marker, c.request.reason = marker, badLength
			}
		}
		add(what, d.fields)
		if len(beside) > 0 {
			add(what+" beside a valid one", beside)
		}
	}
	unknown("an unknown field", "Unknown", "1")
	unknown("a long unknown field", marker, "1")
	unknown("the long value of an unknown field", "Unknown", marker)
	for _, p := range d.rules {
		if p.In == "path" && s.Properties[p.Name] == nil {
			unknown("the unknown field "+p.Name+", the path's,", p.Name, d.path[p.Name])
		}
	}
	if expect == refused {
		d.add("fields", "JSON under the form's media type", " is refused", rule, refused, d.withRawForm(`{"Unknown":1}`))
		d.add("fields", "a field without a name", " is refused", rule, refused, d.withRawForm(join(d.fields, "=1")))
	}
	for _, fields := range [][]field{d.fields, beside} {
		what := "a malformed escape in a name"
		if len(fields) > len(d.fields) {
			what += " beside a valid field"
		}
		d.add("wire", what, " is refused", "the media type "+openapi.FormType, refused, d.withRawForm(join(fields, "%zz=1")))
	}
	d.add("wire", "ampersands alone", " are accepted, or refused", "the media type "+openapi.FormType, either, d.withRawForm(join(d.fields, "&&")))
	d.add("wire", "a form with bytes outside of UTF-8", " is refused", "the media type "+openapi.FormType, expect, d.withRawForm(join(d.fields, "\xff\xfe\x00=1")))
	for _, name := range []string{"__proto__", "_method", "constructor", "%FF"} {
		unknown("the unknown field "+name, name, "1")
	}
	for _, r := range d.fieldRules {
		value := d.sample(r)
		for _, name := range []string{strings.ToLower(r.Name), strings.ToUpper(r.Name), r.Name + "[]", r.Name + "[0]", r.Name + " ", " " + r.Name, r.Name + "\x00", "\ufeff" + r.Name, r.Name + "."} {
			if s.Properties[name] == nil {
				unknown(fmt.Sprintf("the misspelt field %q", name), name, value)
			}
		}
	}
}

// full are the required fields and one more, with a value that an answer tells from its default; empty when there is none more.
func (d *deriver) full() []field {
	for _, r := range d.fieldRules {
		if rest := d.fieldsWithout(r.Name); len(rest) == len(d.fields) {
			return append(rest, field{r.Name, d.nonDefault(r)})
		}
	}
	return nil
}

// sample is a valid value of a field.
func (d *deriver) sample(r rule.Rule) string {
	value, err := d.exampleOf(r.Name, d.op.FormSchema.Properties[r.Name], nil, nil)
	if err != nil {
		return "x"
	}
	return value
}

// nonDefault is a valid value of a field that is not its default: an answer tells whether it was read.
func (d *deriver) nonDefault(r rule.Rule) string {
	for _, value := range samples(r) {
		if byDefault := d.op.FormSchema.Properties[r.Name].Value.Default; byDefault == nil || value != openapi.WireForm(byDefault) {
			return value
		}
	}
	return d.sample(r)
}

// join adds to a form as it stands on the wire.
func join(fields []field, more string) string {
	if len(fields) == 0 {
		return more
	}
	return string(encode(fields)) + "&" + more
}

// fieldShapes tries a field that is there twice, without a value, or written in unusual ways.
func (d *deriver) fieldShapes(r rule.Rule) {
	const group = "fields"
	rest := d.fieldsWithout(r.Name)
	values := samples(r)
	place := d.at(openapi.AtField(d.op.FormSchema.Properties[r.Name].Value.Origin, "type"), r.Name)
	one := values[0]
	additional := d.op.FormSchema.AdditionalProperties.Has
	closed := additional != nil && !*additional
	d.add(group, r.Name+" twice with the same value", " is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, one}, field{r.Name, one})))
	if len(values) > 1 {
		d.add(group, r.Name+" twice with other values", " is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, one}, field{r.Name, values[1]})))
	}
	if bad := invalidOf(r); bad != "" {
		d.add(group, r.Name+" twice, the second one invalid", ", is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, one}, field{r.Name, bad})))
		d.add(group, r.Name+" twice, the first one invalid", ", is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, bad}, field{r.Name, one})))
	}
	wire := func(what, then, more string, expect expectation) {
		d.add("wire", r.Name+" "+what, then, "the media type "+openapi.FormType, expect, d.withRawForm(join(rest, more)))
	}
	escapedName := fmt.Sprintf("%%%02X%s", r.Name[0], r.Name[1:])
	plain := string(encode([]field{{r.Name, one}}))
	wire("with an escaped letter in its name", " is accepted", escapedName+strings.TrimPrefix(plain, r.Name), d.valid)
	if one != "" {
		wire("with an escaped character in its value", " is accepted", fmt.Sprintf("%s=%%%02X%s", r.Name, one[0], string(encode([]field{{"", one[1:]}}))[1:]), d.valid)
	}
	wire("with an ampersand after it", " is accepted or refused", plain+"&", either)
	if !r.Allows("") {
		wire("without a value and an equals sign", " is refused", r.Name, refused)
	}
	wire("with a malformed escape", " is refused", r.Name+"=%zz", refused)
	for _, more := range []struct{ what, text string }{
		{"twice with a semicolon between", plain + ";" + plain}, {"with a semicolon after it", plain + ";"}, {"with another field after a semicolon", plain + ";x=1"},
		{"with a line feed after it", plain + "\n"}, {"with a line break after it", plain + "\r\n"}, {"with an entity after it", plain + "&amp;"}, {"with another field after a line feed", plain + "\nx=1"}, {"with another field after an entity", plain + "&amp;x=1"},
		{"escaped twice", r.Name + "=" + strings.ReplaceAll(escapeAll(one), "%", "%25")},
	} {
		name, value, _ := strings.Cut(more.text, "=")
		if name == r.Name && !r.Allows(value) && (!strings.Contains(more.text, "&") || closed) {
			wire(more.what, " is refused", more.text, refused)
		}
	}
	if closed {
		wire("after another field and a semicolon", " is refused", "x=1;"+plain, refused)
		wire("with a byte order mark before it", " is refused", "\ufeff"+plain, refused)
		wire("with a question mark before it", " is refused", "?"+plain, refused)
		wire("with a name escaped twice", " is refused", "%25"+escapedName[1:]+strings.TrimPrefix(plain, r.Name), refused)
	}
	wire("three times", " is refused", plain+"&"+plain+"&"+plain, refused)
	wire("twice, once without a value", ", is refused", plain+"&"+r.Name+"=", refused)
	wire("twice, once with an escaped name", ", is refused", plain+"&"+escapedName+strings.TrimPrefix(plain, r.Name), refused)
	wire("with a percent sign alone after it", " is refused", plain+"%", refused)
	if !r.Allows("\xff") {
		wire("with bytes outside of UTF-8", " is refused", r.Name+"=%FF%FE", refused)
	}
	if !r.Allows(marker) {
		d.add("echo", r.Name+" of 4000 letters", " is refused and not repeated", place, refused, d.withField(r.Name, marker)).marker = marker
		d.last().request.reason = badLength
	}
	if digits := strings.Repeat("8", len(marker)); !r.Allows(digits) {
		d.add("echo", r.Name+" of 4000 digits", " is refused and not repeated", place, refused, d.withField(r.Name, digits)).marker = digits
		d.last().request.reason = badLength
	}
}
