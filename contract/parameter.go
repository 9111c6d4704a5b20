package contract

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
)

// parameters adds cases for the values of the parameters of the path, the query and the headers.
func (d *deriver) parameters() {
	for _, p := range d.op.EffectiveParameters() {
		switch {
		case d.asksFor(p.In, p.Name):
			// The credentials, which stand in the document twice: the run gives them.
			continue
		case d.isGiven(p):
			d.add("values", p.Name, " is tried", d.at(openapi.At(p.Origin), p.Name), either, d.base).Skip = "every request of the run has it"
			continue
		}
		if r, ok := ruleOf(p); ok && p.In != "cookie" {
			d.values(p.Name, p.Schema.Value, r, d.setter(p))
		} else {
			d.byModel(p)
		}
		if p.In == "path" {
			d.escapes(p.Name)
			d.exchanged(p)
			continue
		}
		if p.Required && !d.mayBeNothing(p) {
			d.add("required", p.Name+" left out", " is refused", d.at(openapi.At(p.Origin), p.Name+" required"), refused, d.withoutIt(p))
		}
	}
}

// exchanged puts another parameter's value, or the user name, where p's belongs: it must be refused.
func (d *deriver) exchanged(p *openapi3.Parameter) {
	r, ok := ruleOf(p)
	if !ok {
		return
	}
	try := func(what, value string) {
		if value != "" && !r.Allows(value) && sendable(p.In, value) {
			d.add("values", what+" in the place of "+p.Name, " is refused", d.at(openapi.At(p.Schema.Value.Origin), p.Name), refused, d.withPath(p.Name, value)).request.offender = p.In
		}
	}
	for _, name := range sortedKeys(d.path) {
		if name != p.Name {
			try(name, d.path[name])
		}
	}
	if own := d.settings.account; own != nil {
		try("the user name", own.username)
	}
}

// setter returns a function that makes a request with a value of p.
func (d *deriver) setter(p *openapi3.Parameter) func(value string) request {
	return func(value string) request {
		if p.In == "path" {
			return d.withPath(p.Name, value)
		}
		return d.base.with(func(r *request) {
			if p.In == "header" {
				r.header.Set(p.Name, value)
				return
			}
			query, _ := url.ParseQuery(r.query)
			query.Set(p.Name, value)
			r.query = encoded(query)
		})
	}
}

// escapes checks that one escape in a path is decoded, and that a double escape is not decoded twice.
func (d *deriver) escapes(name string) {
	value := d.path[name]
	if value == "" || value[0] >= 0x80 {
		return
	}
	escaped := func(prefix string) request {
		return d.base.with(func(r *request) {
			r.path = strings.Replace(r.path, "/"+url.PathEscape(value), fmt.Sprintf("/%s%02X%s", prefix, value[0], url.PathEscape(value[1:])), 1)
			r.subject, r.reason = name, badPath
		})
	}
	if r := escaped("%"); r.path != d.base.path {
		d.add("wire", name+" with an escaped character", " is the same", "RFC 3986 section 2.3", d.valid, r)
	}
	for _, rule := range d.rules {
		if d.settings.strict && escaped("%25").path != d.base.path && rule.In == "path" && rule.Name == name && !rule.Allows(fmt.Sprintf("%%%02X%s", value[0], value[1:])) {
			d.add("wire", name+" with a character escaped twice", " is refused", "RFC 3986 section 2.4", refused, escaped("%25"))
		}
	}
}

// values adds cases for the values at and just beyond a rule's bounds, then for random ones.
func (d *deriver) values(name string, s *openapi3.Schema, r rule.Rule, set func(value string) request) {
	for _, e := range boundaries(r) {
		if !sendable(r.In, e.value) {
			continue
		}
		request := set(e.value)
		request.offender, request.subject = r.In, name
		request.description = fmt.Sprintf("%s %s, %s", name, show(e.value), e.what)
		rule := d.at(openapi.AtField(s.Origin, e.keyword), strings.TrimSpace(name+" "+e.keyword+" "+e.bound))
		switch {
		case !d.settings.strict && dialect(r, e.value):
		case r.Allows(e.value):
			d.add("values", request.description, ", is accepted", rule, d.valid, request)
		case !d.settings.strict && (spelled(r, e.value) || e.value == "" && r.Type != "string" || r.Type == "boolean" && looseBooleans[strings.ToLower(e.value)]):
			// A matter of taste.
		case e.spelling && s.Extensions[openapi.CanonicalForm] != true:
			d.add("values", request.description, ", is refused, or read as the number", rule, either, request)
		default:
			d.add("values", request.description, ", is refused", rule, refused, request)
		}
	}
	d.odd(name, s, r, set)
	rule := d.at(openapi.At(s.Origin), name)
	for _, p := range []*property{
		{name: name, rule: r, set: set, draw: validDraws(r), keeps: true, strict: d.settings.strict},
		{name: name, rule: r, set: set, draw: invalidDraws(r), strict: d.settings.strict},
	} {
		if !d.settings.strict {
			p.draw = inOneDialect(r, p.draw)
		}
		if p.draw == nil || !d.settings.strict && !p.keeps && r.Type == "boolean" {
			continue
		}
		if p.keeps {
			d.add("properties", "any valid "+name, " is accepted", rule, d.valid, set("")).property = p
		} else {
			d.add("properties", "any invalid "+name, " is refused", rule, refused, set("")).property = p
		}
	}
}

// odd sends what servers fail at. Whether it is valid is left open.
func (d *deriver) odd(name string, s *openapi3.Schema, r rule.Rule, set func(value string) request) {
	if d.settings.strict {
		return
	}
	values := []edge{{value: "2147483648", what: "beyond 32 bits"}, {value: "9223372036854775808", what: "beyond 64 bits"}}
	if r.Type == "string" {
		values = []edge{{value: "a\x00b", what: "with a null character"}, {value: `'"é😀`, what: "with quotes and letters beyond ASCII"}, {value: strings.Repeat("x", 4000), what: "of 4000 letters"}, {value: "", what: "empty"}}
	}
	for _, e := range values {
		if sendable(r.In, e.value) {
			request := set(e.value)
			request.description = name + " " + e.what
			d.add("wire", request.description, ", is answered", d.at(openapi.At(s.Origin), name), unjudged, request)
		}
	}
}

// inOneDialect draws a value that is known instead of those that dialects disagree about; nil stays nil.
func inOneDialect(r rule.Rule, draw func(seed int) string) func(seed int) string {
	if draw == nil {
		return nil
	}
	return func(seed int) string {
		if value := draw(seed); !dialect(r, value) {
			return value
		}
		return samples(r)[0]
	}
}

// dialect tells whether dialects of patterns disagree about a text: letters and digits of other alphabets are in the classes of some.
func dialect(r rule.Rule, text string) bool {
	return r.Pattern != nil && strings.ContainsAny(r.Pattern.String(), `\.`) && strings.IndexFunc(text, func(c rune) bool { return c > unicode.MaxASCII || c < ' ' }) >= 0
}

// looseBooleans are what many programs read as a boolean.
var looseBooleans = map[string]bool{"true": true, "false": true, "yes": true, "no": true, "1": true, "0": true, "on": true, "off": true}

// sendable tells whether a value can stand in its place and arrive there as it is.
func sendable(in, value string) bool {
	if !utf8.ValidString(value) {
		// It is no text.
		return false
	}
	switch in {
	case "path":
		// Clients and routers drop empty and dot segments.
		return value != "" && value != "." && value != ".."
	case "header":
		return strings.TrimSpace(value) == value && strings.IndexFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) < 0
	}
	return true
}
