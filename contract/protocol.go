package contract

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
)

// marker is a long text. An answer that repeats it repeats whatever it is sent.
var marker = strings.Repeat("Marker7x", 500)

// mediaTypes tries bodies under other media types, and other spellings of the right one.
func (d *deriver) mediaTypes() {
	if d.op.Spec.RequestBody == nil {
		return
	}
	declared := d.op.Spec.RequestBody.Value.Content
	origin := d.at(openapi.At(d.op.Spec.RequestBody.Value.Origin), "requestBody content")
	full := d.withBody()
	as := func(mediaType string, body []byte) request {
		return full.with(func(r *request) {
			r.header.Set("Content-Type", mediaType)
			r.body, r.reason = body, badMediaType
		})
	}
	others := []struct{ mediaType, body string }{
		{"application/json", `{"a":1}`}, {openapi.FormType, "a=1"}, {"text/plain", string(full.body)}, {"application/xml", "<a>1</a>"},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"},
		{"application/octet-stream", string(full.body)}, {full.header.Get("Content-Type") + "x", string(full.body)}, {"*/*", string(full.body)},
	}
	for _, o := range others {
		name, _, _ := strings.Cut(o.mediaType, ";")
		if openapi.Media(declared, name) == nil {
			d.add("media types", "a body of "+name, " is refused", origin, refused, as(o.mediaType, []byte(o.body)))
		}
	}
	if openapi.Media(declared, "text/x") == nil {
		d.add("media types", "a malformed media type", " is refused", origin, refused, as("a/b/c; ;=", full.body)).request.reason = noMediaType
		d.add("echo", "a media type of 4000 letters", " is refused and not repeated", origin, refused, as("text/"+marker, full.body)).marker = marker
		d.last().request.reason = longHeader
	}
	if !d.settings.strict && len(full.body) > 0 {
		d.add("wire", "a body of another media type", " is answered", "RFC 9110 section 15", unjudged, as("text/plain", full.body)).request.description = "a body of text/plain"
		d.add("wire", "a body without a media type", " is answered", "RFC 9110 section 15", unjudged, as("", full.body).with(func(r *request) { r.header.Del("Content-Type") })).request.description = "a body without a media type"
	}
	// RFC 9110 section 8.3 lets a receiver guess.
	d.add("media types", "a body without a media type", " is refused, or read", "RFC 9110 section 8.3", either, as("", full.body).with(func(r *request) { r.header.Del("Content-Type") }))
	own := full.header.Get("Content-Type")
	if own == "" {
		// Neither a form nor JSON: no valid body is known.
		return
	}
	// The value of a parameter, such as a boundary, has its own letters.
	kind, parameters, _ := strings.Cut(own, ";")
	spellings := []string{strings.ToUpper(kind) + own[len(kind):]}
	if parameters == "" {
		spellings = []string{own + "; charset=utf-8", own + ";charset=UTF-8", strings.ToUpper(own)}
	}
	for _, same := range spellings {
		d.add("media types", "the media type "+same, " is accepted", "RFC 9110 section 8.3.1", d.valid, as(same, full.body))
	}
	d.add("media types", "the media type "+own+"; charset=unknown-8", " is accepted, or refused", "RFC 9110 section 8.3.2", either, as(own+"; charset=unknown-8", full.body)).request.description = "an unknown charset"
	d.add("media types", "a body with Content-Encoding: gzip", " is accepted or refused", "RFC 9110 section 8.4", either, as(own, zipped(full.body)).with(func(r *request) {
		r.header.Set("Content-Encoding", "gzip")
	})).request.description = "a body that is compressed with gzip"
	for _, accept := range []string{"*/*", "text/html", "application/xml;q=1, */*;q=0"} {
		d.add("media types", "Accept: "+accept, " gets a declared answer", "RFC 9110 section 12.5.1", either, full.with(func(r *request) { r.header.Set("Accept", accept) }))
	}
}

// withBody is the base with a body that is not empty, where the operation takes one.
func (d *deriver) withBody() request {
	if len(d.base.body) > 0 {
		return d.base
	}
	if d.op.FormSchema != nil && d.body != nil && d.body.mediaType == openapi.FormType && d.document == nil {
		var all []field
		for _, r := range d.fieldRules {
			all = append(all, field{r.Name, d.nonDefault(r)})
		}
		return d.withForm(all)
	}
	if d.document != nil && d.body != nil {
		if r, ok := d.withBodyOf(d.document); ok {
			return r
		}
	}
	return d.base
}

// sizes tries bodies, paths and headers that are large.
func (d *deriver) sizes() {
	const rule = "nothing is without a limit"
	large := strings.Repeat("8", 128<<10)
	if d.op.Spec.RequestBody != nil {
		var r request
		switch {
		case d.body != nil && d.body.mediaType == openapi.FormType:
			r = d.withRawForm("%zz=" + large)
		case d.body != nil && openapi.IsJSON(d.body.mediaType):
			r = d.withRawJSON("[" + large)
		default:
			return
		}
		r.reason = badSize
		d.add("sizes", "a broken body of 128 KiB", " is refused", rule, refused, r)
	}
	if d.body != nil && d.body.mediaType == openapi.FormType {
		var body strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&body, "field%d=%d&", i, i)
		}
		c := d.add("sizes", "a form of 5000 unknown fields", " is refused", rule, refused, d.withRawForm(body.String()))
		c.request.reason = badSize
		if s := d.op.FormSchema; s == nil || s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has {
			c.expect = either
		}
	}
	for _, p := range d.rules {
		if p.In == "path" && !p.Allows(marker) {
			d.add("echo", p.Name+" of 4000 letters", " is refused and not repeated", rule, refused, d.withPath(p.Name, marker)).marker = marker
			d.last().request.reason = longPath
		}
	}
	unknown := func(kind string, expect expectation, r request) {
		d.add("echo", "an unknown parameter of the query of 4000 letters"+kind, " is not repeated", rule, expect, r.with(func(r *request) {
			r.addQuery("unknown=" + marker)
			r.reason = longPath
		})).marker = marker
		d.add("echo", "an unknown header of 4000 letters"+kind, " is not repeated", rule, expect, r.with(func(r *request) {
			r.header.Set("X-Unknown", marker)
			r.reason = longHeader
		})).marker = marker
	}
	unknown("", either, d.base)
	if bad, ok := d.invalid(); ok {
		unknown(" in a request that is refused", refused, bad)
	}
}

// invalid is a request with an invalid parameter of the path or field of the form.
func (d *deriver) invalid() (r request, ok bool) {
	for _, field := range d.fieldRules {
		if bad := invalidOf(field); bad != "" {
			return d.withField(field.Name, bad), true
		}
	}
	for _, p := range d.rules {
		if bad := invalidOf(p); p.In == "path" && bad != "" && sendable("path", bad) {
			return d.withPath(p.Name, bad), true
		}
	}
	return request{}, false
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	// Nothing fails in memory.
	_ = w.Close()
	return b.Bytes()
}

// wire tries what HTTP lets a caller do.
func (d *deriver) wire() {
	if !d.settings.strict {
		for _, query := range []string{"%zz", "unknown=1&unknown=2&__proto__=1"} {
			d.add("wire", "the query "+query, " is answered", "RFC 9110 section 15", unjudged, d.base.with(func(r *request) { r.addQuery(query) })).request.description = "the query " + query
		}
		return
	}
	for _, p := range d.rules {
		if p.In != "path" {
			continue
		}
		for _, value := range samples(p) {
			if value != d.path[p.Name] {
				d.add("smuggling", p.Name+" in the query", " does not replace the path's", d.at(openapi.At(d.op.Spec.Origin), p.Name+" is in the path"), either, d.base.with(func(r *request) {
					r.addQuery(string(encode([]field{{p.Name, value}})))
				}))
				break
			}
		}
		if p.Pattern != nil && !p.Allows("\xff\xfe") {
			d.add("wire", p.Name+" with bytes outside of UTF-8", " is refused", "RFC 3986 section 2.5", refused, d.withPath(p.Name, "\xff\xfe"))
		}
	}
	full := d.withBody()
	if len(full.body) > 0 {
		d.add("wire", "a body of unsaid length", " is accepted", "RFC 9112 section 7.1", d.valid, full.with(func(r *request) { r.chunked = true }))
	}
	for _, query := range []string{"%zz", "a;b", "&&", "a=1&a=2", "=", "%FF", "__proto__=1"} {
		d.add("wire", "the query "+query, " is accepted or refused", "RFC 3986 section 3.4", either, full.with(func(r *request) { r.addQuery(query) }))
	}
	for _, header := range []field{{"Origin", "https://app.example"}, {"Cookie", "a=b; c"}, {"Expect", "100-continue"}, {"X-Forwarded-For", "127.0.0.1"}} {
		d.add("wire", "a request with "+header.name+": "+header.value, " is accepted", "the document has no header "+header.name, d.valid, full.with(func(r *request) {
			if cookies := r.header.Get("Cookie"); header.name == "Cookie" && cookies != "" {
				r.header.Set("Cookie", cookies+"; "+header.value)
				return
			}
			r.header.Set(header.name, header.value)
		}))
	}
}

// repetitions sends the same again, and at once, and other requests beside it: what must be unique, and what must not be mixed
// up, is judged over all answers.
func (d *deriver) repetitions() {
	const group = "repetition"
	if len(d.cases) == 0 {
		return
	}
	rule := d.at(openapi.At(d.op.Spec.Origin), d.op.ID)
	full := d.withBody()
	twice := d.add(group, "the same request again", " is accepted", rule, d.valid, full)
	twice.times, twice.inTurn = 2, true
	d.add(group, "the same request eight times at once", " is accepted", rule, d.valid, full).times = 8
	for _, name := range d.op.UniqueHeaders() {
		header := d.op.SuccessHeader(name)
		if header == nil {
			continue
		}
		value, err := d.exampleOf(name, header.Schema, header.Example, header.Examples)
		if err != nil {
			continue
		}
		// A caller's own identifier would be there twice.
		own := d.add(group, "the same "+name+" of a caller twice", " is not taken", rule, d.valid, full.with(func(r *request) {
			r.header.Set(name, value)
			r.header.Set("X-Request-Id", value)
		}))
		own.times, own.inTurn = 2, true
	}
	others := d.others()
	if len(others) < 2 {
		return
	}
	inTurn := d.add(group, "other requests in turn", " get their own answers", rule, d.valid, full)
	inTurn.alongside, inTurn.inTurn = slices.Concat(others, others), true
	var many []request
	for range 4 {
		many = append(many, others...)
	}
	d.add(group, "other requests at once", " get their own answers", rule, d.valid, full).alongside = many
}

// others are valid requests that differ in their path or in their form.
func (d *deriver) others() []request {
	said := func(r request) request {
		r.description = "requests that differ"
		return r
	}
	list := []request{said(d.base)}
	for _, p := range d.rules {
		if _, fixed := d.settings.fixtures[p.Name]; p.In != "path" || fixed {
			continue
		}
		for _, value := range samples(p) {
			list = append(list, said(d.withPath(p.Name, value)))
		}
	}
	for _, r := range d.fieldRules {
		for _, value := range samples(r) {
			list = append(list, said(d.withField(r.Name, value)))
		}
	}
	return list
}
