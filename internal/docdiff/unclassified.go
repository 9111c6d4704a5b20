package docdiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// unclassified tells of the parts of operations that differ and of which no check has said anything: a person must look at them.
// No part that changes is passed over in silence.
func unclassified(older, newer *openapi3.T, told []Change) (list []Change) {
	old, now := meaningsOf(older), meaningsOf(newer)
	list = gone(older, newer, told)
	for _, path := range slices.Sorted(maps.Keys(newer.Paths.Map())) {
		before := older.Paths.Value(path)
		if before == nil {
			continue
		}
		operations := newer.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			was, is := before.GetOperation(method), operations[method]
			if was == nil {
				continue
			}
			p := &parts{operation: method + " " + path, told: told, older: old, newer: now}
			p.parameters(was, is)
			p.bodies(was, is)
			p.compare("callbacks-changed", "the callbacks", is.Origin, was.Callbacks, is.Callbacks, "callback")
			p.compare("servers-changed", "the servers", is.Origin, serversOf(before, was), serversOf(newer.Paths.Value(path), is), "server")
			list = append(list, p.found...)
		}
	}
	return list
}

// gone tells of the operations that went away without a word of oasdiff, which takes the day of their sunset for enough.
func gone(older, newer *openapi3.T, told []Change) (list []Change) {
	for _, path := range slices.Sorted(maps.Keys(older.Paths.Map())) {
		operations := older.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			name := method + " " + path
			if now := newer.Paths.Value(path); now != nil && now.GetOperation(method) != nil || slices.ContainsFunc(told, func(c Change) bool { return c.Operation == name }) {
				continue
			}
			list = append(list, Change{Audience: Wire, Rule: "api-removed-after-sunset", Severity: Warning, Operation: name, Line: openapi.Line(operations[method].Origin), Gone: true, Text: "the operation is removed, after its sunset"})
		}
	}
	return list
}

// parts compares the parts of one operation.
type parts struct {
	operation    string
	told, found  []Change
	older, newer *meanings
}

// compare tells that something differs, unless a change of the operation speaks of one of the words.
func (p *parts) compare(rule, what string, origin *openapi3.Origin, before, after any, words ...string) {
	if p.older.of(before) == p.newer.of(after) {
		return
	}
	for _, c := range p.told {
		about := c.Operation == p.operation || c.Operation == ""
		if about && slices.ContainsFunc(words, func(word string) bool { return strings.Contains(c.Rule, word) || strings.Contains(c.Text, word) }) {
			return
		}
	}
	severity, comment := p.tried(before, after, strings.HasPrefix(rule, "response-"))
	if rule == "encoding-changed" {
		severity, comment = Breaking, ""
	}
	p.found = append(p.found, Change{Audience: Wire, Rule: rule, Severity: severity, Operation: p.operation, Line: openapi.Line(origin), Text: what + " changed", Comment: comment})
}

// tried makes values of two schemas to find what a change means: a request that was valid and is not, or an answer that could not
// come and can.
func (p *parts) tried(before, after any, answer bool) (severity Severity, comment string) {
	unknown := "no check knows what that means for callers: compare the two"
	was, now := schemaIn(before), schemaIn(after)
	if was == nil || now == nil || p.older.of(was) == p.newer.of(now) {
		return Warning, unknown
	}
	direction, from, to, allowed := schema.Request, was, now, "was allowed"
	fromSet, toSet := p.older.schemas, p.newer.schemas
	if answer {
		direction, from, to, allowed = schema.Answer, now, was, "could not come before"
		fromSet, toSet = toSet, fromSet
	}
	source, err := fromSet.Of(from, direction)
	if err != nil {
		return Warning, unknown
	}
	target, err := toSet.Of(to, direction)
	if err != nil {
		return Warning, unknown
	}
	n := 0
	for _, all := range []bool{false, true} {
		base, err := sample.Make(source, all)
		if err != nil {
			return Warning, unknown
		}
		for _, c := range append(sample.Cases(source, base, sample.Many), sample.Case{Value: func() any { return base }, Valid: true}) {
			if !c.Valid {
				continue
			}
			n++
			if value := c.Value(); !target.Valid(value) {
				return Breaking, fmt.Sprintf("such as %s, which %s", schema.Cut(written(value)), allowed)
			}
		}
	}
	if base, err := sample.Make(target, true); err == nil {
		// What just breaks the other one.
		for _, c := range sample.Cases(target, base, sample.Many) {
			if n++; c.Valid {
				continue
			}
			if value := c.Value(); source.Valid(value) {
				return Breaking, fmt.Sprintf("such as %s, which %s", schema.Cut(written(value)), allowed)
			}
		}
	}
	return Info, fmt.Sprintf("none of %d values makes a difference", n)
}

// schemaIn is the schema of a part that has one, and nothing else that is compared; nil for others.
func schemaIn(part any) *openapi3.Schema {
	switch part := part.(type) {
	case *openapi3.SchemaRef:
		if part != nil {
			return part.Value
		}
	case *openapi3.Parameter:
		if part.Schema != nil && len(part.Content) == 0 {
			return part.Schema.Value
		}
	case *openapi3.Header:
		if part.Schema != nil && len(part.Content) == 0 {
			return part.Schema.Value
		}
	}
	return nil
}

func (p *parts) parameters(was, is *openapi3.Operation) {
	for _, ref := range is.Parameters {
		if ref.Value == nil {
			continue
		}
		before := was.Parameters.GetByInAndName(ref.Value.In, ref.Value.Name)
		if before == nil {
			continue
		}
		p.styles(before, ref.Value)
		p.compare("parameter-changed", fmt.Sprintf("the %s parameter `%s`", ref.Value.In, ref.Value.Name), ref.Value.Origin, wire(before), wire(ref.Value), "`"+ref.Value.Name+"`")
	}
}

// styles compares how lists and objects are written.
func (p *parts) styles(before, after *openapi3.Parameter) {
	if before.Schema == nil || after.Schema == nil || before.Schema.Value == nil || after.Schema.Value == nil {
		return
	}
	types := openapi.Types(after.Schema.Value)
	style := func(one *openapi3.Parameter) string {
		s := one.Style
		if s == "" {
			s = map[string]string{"path": "simple", "header": "simple"}[one.In]
		}
		if s == "" {
			s = "form"
		}
		if types["array"] || types["object"] {
			return fmt.Sprintf("%s, explode %t", s, serialize.Written{Parameter: one}.IsExploded())
		}
		return s
	}
	if was, now := style(before), style(after); was != now {
		p.found = append(p.found, Change{
			Audience: Wire, Rule: "parameter-style-changed", Severity: Breaking, Operation: p.operation, Line: openapi.LineOf(after.Origin, "style"),
			Text: fmt.Sprintf("the %s parameter `%s` is written otherwise: style %s instead of %s", after.In, after.Name, now, was),
		})
		// The parameter was spoken of.
		p.told = append(slices.Clip(p.told), p.found[len(p.found)-1])
	}
}

// wire is a parameter without its notes.
func wire(p *openapi3.Parameter) *openapi3.Parameter {
	bare := *p
	bare.Description, bare.Example, bare.Examples, bare.Extensions, bare.Deprecated = "", nil, nil, nil, false
	explode := serialize.Written{Parameter: p}.IsExploded()
	bare.Explode = &explode
	if bare.Style == "form" && (p.In == "query" || p.In == "cookie") || bare.Style == "simple" {
		bare.Style = ""
	}
	return &bare
}

func (p *parts) bodies(was, is *openapi3.Operation) {
	if was.RequestBody != nil && is.RequestBody != nil && was.RequestBody.Value != nil && is.RequestBody.Value != nil {
		p.content("request-body-changed", "the request body", is.RequestBody.Value.Origin, was.RequestBody.Value.Content, is.RequestBody.Value.Content, "request")
	}
	for _, status := range slices.Sorted(maps.Keys(is.Responses.Map())) {
		before, after := was.Responses.Value(status), is.Responses.Value(status)
		switch {
		case before == nil && status == "default":
			p.found = append(p.found, Change{Audience: Wire, Rule: "default-response-added", Severity: Info, Operation: p.operation, Line: openapi.Line(after.Value.Origin), Text: "the `default` response is added"})
		case before == nil || before.Value == nil || after.Value == nil:
		default:
			words := []string{"`" + status + "`"}
			p.content("response-body-changed", "the response `"+status+"`", after.Value.Origin, before.Value.Content, after.Value.Content, words...)
			for _, name := range slices.Sorted(maps.Keys(after.Value.Headers)) {
				if old := before.Value.Headers[name]; old != nil {
					p.compare("response-header-changed", fmt.Sprintf("the header `%s` of the response `%s`", name, status), after.Value.Origin, old.Value, after.Value.Headers[name].Value, "`"+name+"`")
				}
			}
			p.compare("links-changed", "the links of the response `"+status+"`", after.Value.Origin, before.Value.Links, after.Value.Links, "link")
		}
	}
}

// content compares bodies of the media types that both versions have.
func (p *parts) content(rule, what string, origin *openapi3.Origin, before, after openapi3.Content, words ...string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if old := before[name]; old != nil && after[name] != nil {
			p.compare(rule, what, origin, schemaOf(old), schemaOf(after[name]), words...)
			p.compare("encoding-changed", "how the fields of "+what+" are written", origin, encodings(old), encodings(after[name]), "encoding")
		}
	}
}

// schemaOf is the schema of a body; one that says nothing where there is none.
func schemaOf(media *openapi3.MediaType) any {
	if media.Schema == nil {
		return map[string]any{}
	}
	return media.Schema
}

// encodings are those of a form that say something.
func encodings(media *openapi3.MediaType) map[string]string {
	all := map[string]string{}
	for name, e := range media.Encoding {
		if e == nil {
			continue
		}
		style := e.Style
		if style == "" {
			style = openapi3.SerializationForm
		}
		if text := fmt.Sprintf("%s %t %s %d", style, serialize.Field(media, name).IsExploded(), e.ContentType, len(e.Headers)); text != "form true  0" {
			all[name] = text
		}
	}
	return all
}

func serversOf(item *openapi3.PathItem, op *openapi3.Operation) (names []string) {
	servers := item.Servers
	if op.Servers != nil {
		servers = *op.Servers
	}
	for _, s := range servers {
		names = append(names, serverName(s))
	}
	slices.Sort(names)
	return names
}
