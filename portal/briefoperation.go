package portal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// operation writes an operation: what it takes, what it answers, and how it is called.
func (b *brief) operation(o *Operation, isTitled bool, address string) {
	b.begin(o.Anchor)
	if isTitled {
		b.line("## %s", o.Title)
	}
	var tags []string
	for _, t := range o.Tags {
		tags = append(tags, t.Name+either(t.Description != "", ": "+oneLine(t.Description), ""))
	}
	b.line("`%s %s`, operation `%s`, needs %s%s%s%s", o.Method, o.Path, o.ID, needs(o.Security), either(o.Deprecated, ", deprecated", ""), either(o.Received != "", ", "+o.Received+", sent to you", ""), either(len(tags) > 0, ", tag "+strings.Join(tags, ", "), ""))
	b.line("%s", oneLine(o.Description))
	if len(o.Parameters) > 0 {
		b.begin(o.Anchor + "-parameters")
		b.line("### Parameters")
		for _, f := range o.Parameters {
			b.field(f, 0, f.In+" ")
		}
	}
	if o.Body != nil {
		b.begin(o.Anchor + "-body")
		b.line("### Request body, %s%s", either(o.Body.Required, "required", "optional"), either(o.Body.Description != "", ". "+oneLine(o.Body.Description), ""))
		for _, m := range o.Body.Content {
			b.media(m)
		}
	}
	b.answers(o)
	b.samples(o, address)
}

// samples writes the first sample, and has the others found by their anchors: who writes one language does not read the others.
func (b *brief) samples(o *Operation, address string) {
	var all, others []string
	for i, s := range o.Samples {
		text := s.Label + either(s.Setup != "", ", after `"+s.Setup+"`", "") + "\n" + codeBlock(s.Language, s.Code)
		b.lines(s.ID, text)
		if all = append(all, text); i > 0 {
			others = append(others, s.Label)
		}
	}
	if len(all) == 0 {
		return
	}
	b.begin("")
	b.line("### Samples")
	b.line("%s", all[0])
	if len(others) > 0 {
		b.line("The same in %s: %s#%s-samples", strings.Join(others, ", "), address, o.Anchor)
	}
	b.lines(o.Anchor+"-samples", strings.Join(all, "\n\n"))
}

// answers writes the answers: headers that all have are said once, and so is the body that errors share.
func (b *brief) answers(o *Operation) {
	common := commonHeaders(o.Responses)
	b.headers(o, common)
	folded := foldErrors(o.Responses)
	for i, r := range o.Responses {
		b.begin(r.ID)
		if i == 0 {
			b.alias(o.Anchor + "-responses")
		}
		b.line("### %s %s", r.Status, oneLine(r.Description))
		for _, f := range r.Headers {
			if !slices.ContainsFunc(common, func(c *Field) bool { return c.Name == f.Name }) {
				b.field(f, 0, "header ")
			}
		}
		for _, m := range r.Content {
			if folded != nil && r.IsError() {
				b.schema(m)
				folded.write(b, m)
				continue
			}
			b.media(m)
		}
	}
}

// headers writes the headers that all answers have. A link to the header of any answer leads to its line.
func (b *brief) headers(o *Operation, common []*Field) {
	if len(common) == 0 {
		return
	}
	b.begin(o.Anchor + "-headers")
	b.line("### Headers of every answer")
	for _, f := range common {
		b.field(f, 0, "")
	}
	for _, r := range o.Responses[1:] {
		for _, f := range r.Headers {
			if slices.Contains(common, f.Same) {
				b.lines(f.ID, "- `"+f.Name+"` "+f.Type+either(f.Required, ", required", "")+tail(f.Same))
			}
		}
	}
}

// alias has an anchor lead to the section that is being written, unless it leads somewhere.
func (b *brief) alias(anchor string) {
	last := &b.sections[len(b.sections)-1]
	last.anchors = append(last.anchors, anchor)
}

// commonHeaders are those that all answers have, said by the first.
func commonHeaders(responses []*Response) (common []*Field) {
	if len(responses) < 2 {
		return nil
	}
	for _, f := range responses[0].Headers {
		everywhere := true
		for _, r := range responses[1:] {
			everywhere = everywhere && slices.ContainsFunc(r.Headers, func(other *Field) bool { return other.Same == f && other.Required == f.Required })
		}
		if everywhere {
			common = append(common, f)
		}
	}
	return common
}

// media writes a body under its media type.
func (b *brief) media(m *Media) {
	b.schema(m)
	b.examples(m.Examples)
}

// schema writes what a body is, and not its examples.
func (b *brief) schema(m *Media) {
	head := "`" + m.Type + "`, " + m.Schema.Type
	if m.Schema.Same != nil {
		if m.Schema.Same.Name != b.same {
			b.line("%s as of %s, like every answer below that says no other", head, m.Schema.Same.Name)
		}
		b.same = m.Schema.Same.Name
	} else {
		b.same = ""
		b.line("%s%s", head, tail(m.Schema))
		for _, f := range m.Schema.Fields {
			b.field(f, 0, "")
		}
	}
}

// field writes a field in a line, and its own fields below. It is a section of its own too.
func (b *brief) field(f *Field, depth int, label string) {
	text := strings.Repeat("  ", depth) + "- " + label + "`" + f.Name + "` " + f.Type
	if f.Required {
		text += ", required"
	}
	if f.Deprecated {
		text += ", deprecated"
	}
	if f.Same != nil {
		b.line("%s, as above", text)
		b.lines(f.ID, text+tail(f.Same))
		return
	}
	b.lines(f.ID, strings.TrimSpace(text)+tail(f))
	b.line("%s", text+b.once(f))
	for _, inner := range f.Fields {
		b.field(inner, depth+1, "")
	}
}

// lines has an anchor lead to some lines alone, of the section that is being written.
func (b *brief) lines(anchor, text string) {
	b.fragments = append(b.fragments, section{anchors: []string{anchor}, text: text})
}

// once is a field's tail; a long description that another field had before is not said again.
func (b *brief) once(f *Field) string {
	const long = 80
	if len(f.Description) < long {
		return tail(f)
	}
	if before, ok := b.described[f.Description]; ok {
		other := *f
		other.Description = "As of `" + before + "`."
		return tail(&other)
	}
	if b.described == nil {
		b.described = map[string]string{}
	}
	b.described[f.Description] = f.Name
	return tail(f)
}

// tail is what stands behind a field's type: its bounds in words, and its description.
func tail(f *Field) string {
	text := ""
	for _, w := range inWords(f.Facts) {
		text += ", " + w.String()
	}
	if f.Description != "" {
		text += ". " + oneLine(f.Description)
	}
	return text
}

// examples writes the examples of a body: whole ones, and of those with the same names what differs from the first.
func (b *brief) examples(examples []Example) {
	var first map[string]json.RawMessage
	firstName := ""
	for _, e := range examples {
		said := "example `" + e.Name + "`"
		if e.Summary != "" && e.Summary != e.Name {
			said += ", " + e.Summary
		}
		var fields map[string]json.RawMessage
		isObject := json.Unmarshal([]byte(e.Value), &fields) == nil && fields != nil
		if different, ok := differs(first, fields); ok && isObject {
			b.line("%s: as `%s`, but %s", said, firstName, different)
			continue
		}
		if isObject && first == nil {
			first, firstName = fields, e.Name
		}
		b.line("%s: %s", said, onOneLine(e.Value))
	}
}

// differs says how an object differs from another with the same names; ok is false where it has others, or too much differs.
func differs(first, fields map[string]json.RawMessage) (text string, ok bool) {
	if first == nil || len(first) != len(fields) {
		return "", false
	}
	var different []string
	for name, value := range fields {
		other, known := first[name]
		if !known {
			return "", false
		}
		if !bytes.Equal(other, value) {
			different = append(different, fmt.Sprintf("%q: %s", name, value))
		}
	}
	slices.Sort(different)
	return strings.Join(different, ", "), len(different) > 0 && 2*len(different) <= len(fields)
}

// onOneLine writes JSON without its line breaks, and anything else as a block of its own.
func onOneLine(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return "\n" + codeBlock("text", text)
	}
	return "`" + b.String() + "`"
}

// needs says what credentials an operation needs.
func needs(security [][]string) string {
	var ways []string
	for _, all := range security {
		names := make([]string, len(all))
		for i, name := range all {
			names[i] = "`" + name + "`"
		}
		ways = append(ways, cmp.Or(strings.Join(names, " and "), "no credentials"))
	}
	return cmp.Or(strings.Join(ways, " or "), "no credentials")
}
