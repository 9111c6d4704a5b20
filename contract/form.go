package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/ruledoc"
)

// makeForm puts the required fields of a form into the base.
func (d *deriver) makeForm() error {
	if d.op.FormSchema == nil {
		return nil
	}
	for _, r := range d.op.Form {
		if !slices.Contains(d.op.FormSchema.Required, r.Name) {
			continue
		}
		value, err := d.exampleOf(r.Name, d.op.FormSchema.Properties[r.Name], nil, nil)
		if err != nil {
			return err
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
		r.header.Set("Content-Type", ruledoc.FormType)
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
	if s == nil {
		return
	}
	for _, r := range d.op.Form {
		schema := s.Properties[r.Name].Value
		d.values(r.Name, schema, r, func(value string) request { return d.withField(r.Name, value) })
		if schema.Default != nil {
			d.add("values", r.Name+" left out is its default", d.at(lineOf(schema, "default"), r.Name+" default"), d.valid, d.withForm(d.fieldsWithout(r.Name)))
		}
		if slices.Contains(s.Required, r.Name) {
			d.add("required", r.Name+" left out is refused", d.at(lineOf(s, "required"), r.Name+" required"), refused, d.withForm(d.fieldsWithout(r.Name)))
		}
		d.fieldShapes(r)
		d.smuggled(r)
	}
	if len(d.fields) == 0 {
		d.add("wire", "an empty form is accepted", d.at(lineOf(s, "type"), "requestBody"), d.valid, d.withRawForm(""))
		if !d.op.Spec.RequestBody.Value.Required {
			d.add("wire", "no body and no media type is accepted", d.at(0, "requestBody required: false"), d.valid, d.base)
		}
	}
	d.unknownFields()
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
	rule := d.at(lineOf(s, "additionalProperties"), "additionalProperties")
	verdict := map[expectation]string{refused: "is refused", accepted: "is accepted", acceptedOrUnknown: "is accepted", either: "is judged"}[expect]
	unknown := func(what, name, value string) *Case {
		return d.add("fields", what+" "+verdict, rule, expect, d.withForm(append(slices.Clone(d.fields), field{name, value})))
	}
	unknown("an unknown field", "Unknown", "1")
	unknown("a long unknown field", marker, "1").marker = marker
	unknown("the long value of an unknown field", "Unknown", marker).marker = marker
	for _, p := range d.op.Parameters {
		if p.In == "path" && s.Properties[p.Name] == nil {
			unknown("the path's "+p.Name+" as a field", p.Name, d.path[p.Name])
		}
	}
	if expect == refused {
		d.add("fields", "JSON under the form's media type is refused", rule, refused, d.withRawForm(`{"Unknown":1}`))
		d.add("fields", "a field without a name is refused", rule, refused, d.withRawForm(join(d.fields, "=1")))
	}
	d.add("wire", "a malformed escape in a name is refused", "the media type "+ruledoc.FormType, refused, d.withRawForm(join(d.fields, "%zz=1")))
	for _, r := range d.op.Form {
		value := d.sample(r)
		for _, name := range []string{strings.ToLower(r.Name), strings.ToUpper(r.Name), r.Name + "[]", r.Name + "[0]", r.Name + " ", " " + r.Name, r.Name + "\x00", "\ufeff" + r.Name, r.Name + "."} {
			if s.Properties[name] == nil {
				unknown(fmt.Sprintf("the misspelt field %q", name), name, value)
			}
		}
	}
}

// sample is a valid value of a field.
func (d *deriver) sample(r rule.Rule) string {
	value, err := d.exampleOf(r.Name, d.op.FormSchema.Properties[r.Name], nil, nil)
	if err != nil {
		return "x"
	}
	return value
}

// telling is a valid value of a field that is not its default: an answer tells whether it was read.
func (d *deriver) telling(r rule.Rule) string {
	for _, value := range distinct(r) {
		if byDefault := d.op.FormSchema.Properties[r.Name].Value.Default; byDefault == nil || value != ruledoc.WireForm(byDefault) {
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
	values := distinct(r)
	place := d.at(lineOf(d.op.FormSchema.Properties[r.Name].Value, "type"), r.Name)
	one := values[0]
	d.add(group, r.Name+" twice with the same value is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, one}, field{r.Name, one})))
	if len(values) > 1 {
		d.add(group, r.Name+" twice with other values is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, one}, field{r.Name, values[1]})))
	}
	if bad := invalidOf(r); bad != "" {
		d.add(group, r.Name+" twice, the second one invalid, is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, one}, field{r.Name, bad})))
		d.add(group, r.Name+" twice, the first one invalid, is refused", place, refused, d.withForm(append(slices.Clone(rest), field{r.Name, bad}, field{r.Name, one})))
	}
	wire := func(what, more string, expect expectation) {
		d.add("wire", r.Name+" "+what, "the media type "+ruledoc.FormType, expect, d.withRawForm(join(rest, more)))
	}
	escapedName := fmt.Sprintf("%%%02X%s", r.Name[0], r.Name[1:])
	plain := string(encode([]field{{r.Name, one}}))
	wire("with an escaped letter in its name is accepted", escapedName+strings.TrimPrefix(plain, r.Name), d.valid)
	if one != "" {
		wire("with an escaped character in its value is accepted", fmt.Sprintf("%s=%%%02X%s", r.Name, one[0], string(encode([]field{{"", one[1:]}}))[1:]), d.valid)
	}
	wire("with an ampersand after it is accepted or refused", plain+"&", either)
	if !r.Allows("") {
		wire("without a value and an equals sign is refused", r.Name, refused)
	}
	if !r.Allows(one + ";" + r.Name + "=" + one) {
		wire("twice with a semicolon between is refused", plain+";"+plain, refused)
	}
	wire("with a malformed escape is refused", r.Name+"=%zz", refused)
	if !r.Allows("\xff") {
		wire("with bytes that are not UTF-8 is refused", r.Name+"=%FF%FE", refused)
	}
	if !r.Allows(marker) {
		d.add("echo", r.Name+" of 4000 letters is refused and not repeated", place, refused, d.withField(r.Name, marker)).marker = marker
	}
	if digits := strings.Repeat("8", len(marker)); !r.Allows(digits) {
		d.add("echo", r.Name+" of 4000 digits is refused and not repeated", place, refused, d.withField(r.Name, digits)).marker = digits
	}
}

// smuggled tries a field of the form in the query, where it must mean nothing.
func (d *deriver) smuggled(r rule.Rule) {
	for _, p := range d.op.Parameters {
		if p.In == "query" && p.Name == r.Name {
			return
		}
	}
	rule := d.at(line(d.op.Spec.Origin), r.Name+" is a field of the body, and no parameter of the query")
	query := func(base request, value string) request {
		return base.with(func(r2 *request) {
			more := string(encode([]field{{r.Name, value}}))
			if r2.query != "" {
				more = "&" + more
			}
			r2.query += more
		})
	}
	values := distinct(r)
	other := values[len(values)-1]
	d.add("smuggling", r.Name+" in the query is not read", rule, either, query(d.base, other))
	d.add("smuggling", r.Name+" in the query beside an empty form is not read", rule, either, query(d.withForm(d.fields), other))
	d.add("smuggling", r.Name+" in the query does not replace the form's", rule, either, query(d.withField(r.Name, values[0]), other))
	if bad := invalidOf(r); bad != "" {
		d.add("smuggling", "an invalid "+r.Name+" in the query is not read", rule, either, query(d.base, bad))
		d.add("smuggling", "an invalid "+r.Name+" in the query beside a valid form is not read", rule, either, query(d.withField(r.Name, values[0]), bad))
		d.add("smuggling", "an invalid "+r.Name+" beside a valid one in the query is refused", rule, refused, query(d.withField(r.Name, bad), values[0]))
	}
	if r.Type != "string" {
		d.add("smuggling", r.Name+" in the query that is no "+r.Type+" is not read", rule, either, query(d.base, "abc"))
	}
}
