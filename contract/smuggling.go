package contract

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/sample"
)

// smuggled tries a field of the form in the query, where it must mean nothing.
func (d *deriver) smuggled(r rule.Rule) {
	for _, p := range d.rules {
		if p.In == "query" && p.Name == r.Name {
			return
		}
	}
	rule := d.at(openapi.At(d.op.Spec.Origin), r.Name+" is a field of the body, and no parameter of the query")
	query := func(base request, value string) request {
		return base.with(func(r2 *request) { r2.addQuery(string(encode([]field{{r.Name, value}}))) })
	}
	values := samples(r)
	other := values[len(values)-1]
	d.add("smuggling", r.Name+" in the query", " is not read", rule, either, query(d.base, other))
	d.add("smuggling", r.Name+" in the query beside an empty form", " is not read", rule, either, query(d.withForm(d.fields), other))
	d.add("smuggling", r.Name+" in the query", " does not replace the form's", rule, either, query(d.withField(r.Name, values[0]), other))
	d.add("smuggling", r.Name+" in a header", " is not read", rule, either, d.base.with(func(r2 *request) { r2.header.Set(r.Name, other) }))
	d.add("smuggling", r.Name+" in a cookie", " is not read", rule, either, d.base.with(func(r2 *request) { r2.header.Set("Cookie", r.Name+"="+url.QueryEscape(other)) }))
	invalid := invalidsOf(r)
	for i, e := range invalid[:min(len(invalid), 4)] {
		what := fmt.Sprintf("an invalid %s, %s, in the query", r.Name, e.what)
		d.add("smuggling", what, " is not read", rule, either, query(d.base, e.value))
		d.add("smuggling", what+" beside a valid form", " is not read", rule, either, query(d.withField(r.Name, values[0]), e.value))
		if i == 0 {
			d.add("smuggling", "an invalid "+r.Name+" beside a valid one in the query", " is refused", rule, refused, query(d.withField(r.Name, e.value), values[0]))
		}
	}
	plain := r.Name + "=" + url.QueryEscape(other)
	for _, written := range []struct{ what, raw string }{
		{"in other letters", sample.SwapCase(plain)}, {"in lower case", strings.ToLower(plain)}, {"after a semicolon", "a;" + plain}, {"with brackets", strings.Replace(plain, "=", "%5B%5D=", 1)},
		{"twice", r.Name + "=" + url.QueryEscape(values[0]) + "&" + plain},
	} {
		d.add("smuggling", r.Name+" in the query "+written.what, " is not read", rule, either, d.base.with(func(r *request) { r.addQuery(written.raw) }))
	}
	if r.Type != "string" {
		d.add("smuggling", r.Name+" in the query that is no "+r.Type, " is not read", rule, either, query(d.base, "abc"))
	}
}
