package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/ruledoc"
)

// marker is a long text. An answer that repeats it repeats whatever it is sent.
var marker = strings.Repeat("Marker7x", 500)

// mediaTypes tries bodies under other media types, and other spellings of the right one.
func (d *deriver) mediaTypes() {
	if d.op.Spec.RequestBody == nil {
		return
	}
	declared := d.op.Spec.RequestBody.Value.Content
	origin := d.at(line(d.op.Spec.RequestBody.Value.Origin), "requestBody content")
	full := d.withBody()
	as := func(mediaType string, body []byte) request {
		return full.with(func(r *request) {
			r.header.Set("Content-Type", mediaType)
			r.body, r.reason = body, badMediaType
		})
	}
	others := []struct{ mediaType, body string }{
		{"application/json", `{"a":1}`}, {ruledoc.FormType, "a=1"}, {"text/plain", string(full.body)}, {"application/xml", "<a>1</a>"},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"},
		{"application/octet-stream", string(full.body)}, {full.header.Get("Content-Type") + "x", string(full.body)}, {"*/*", string(full.body)},
	}
	for _, o := range others {
		name, _, _ := strings.Cut(o.mediaType, ";")
		if declared.Get(name) == nil {
			d.add("media types", "a body of "+name+" is refused", origin, refused, as(o.mediaType, []byte(o.body)))
		}
	}
	if declared.Get("text/x") == nil {
		d.add("media types", "a malformed media type is refused", origin, refused, as("a/b/c; ;=", full.body)).request.reason = noMediaType
		d.add("echo", "a media type of 4000 letters is refused and not repeated", origin, refused, as("text/"+marker, full.body)).marker = marker
	}
	// RFC 9110 section 8.3 lets a receiver guess.
	d.add("media types", "a body without a media type is refused, or read", "RFC 9110 section 8.3", either, as("", full.body).with(func(r *request) { r.header.Del("Content-Type") }))
	own := full.header.Get("Content-Type")
	for _, same := range []string{own + "; charset=utf-8", own + ";charset=UTF-8", strings.ToUpper(own)} {
		d.add("media types", "the media type "+same+" is accepted", "RFC 9110 section 8.3.1", d.valid, as(same, full.body))
	}
	for _, accept := range []string{"*/*", "text/html", "application/xml;q=1, */*;q=0"} {
		d.add("media types", "Accept: "+accept+" gets a declared answer", "RFC 9110 section 12.5.1", either, full.with(func(r *request) { r.header.Set("Accept", accept) }))
	}
}

// withBody is the base with a body that is not empty, where the operation takes one.
func (d *deriver) withBody() request {
	if len(d.base.body) > 0 {
		return d.base
	}
	if d.op.FormSchema != nil {
		for _, r := range d.op.Form {
			return d.withField(r.Name, d.telling(r))
		}
		return d.withForm(nil)
	}
	if d.document != nil {
		return d.withJSON(d.document)
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
		case d.op.FormSchema != nil:
			r = d.withRawForm("%zz=" + large)
		case d.document != nil:
			r = d.withRawJSON("[" + large)
		default:
			return
		}
		r.reason = badSize
		d.add("sizes", "a broken body of 128 KiB is refused", rule, refused, r)
	}
	if d.op.FormSchema != nil {
		var body strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&body, "field%d=%d&", i, i)
		}
		c := d.add("sizes", "a form of 5000 unknown fields is refused", rule, refused, d.withRawForm(body.String()))
		c.request.reason = badSize
		if s := d.op.FormSchema; s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has {
			c.expect = either
		}
	}
	for _, p := range d.op.Parameters {
		if p.In == "path" && !p.Allows(marker) {
			d.add("echo", p.Name+" of 4000 letters is refused and not repeated", rule, refused, d.withPath(p.Name, marker)).marker = marker
		}
	}
	d.add("echo", "an unknown parameter of the query of 4000 letters is not repeated", rule, either, d.base.with(func(r *request) {
		r.query = strings.TrimPrefix(r.query+"&unknown="+marker, "&")
	})).marker = marker
	d.add("echo", "an unknown header of 4000 letters is not repeated", rule, either, d.base.with(func(r *request) { r.header.Set("X-Unknown", marker) })).marker = marker
}

// credentials tries none and wrong ones, where the operation needs some.
func (d *deriver) credentials() {
	requirements := d.judge.Doc.Security
	if d.op.Spec.Security != nil {
		requirements = *d.op.Spec.Security
	}
	if len(requirements) == 0 || slices.ContainsFunc(requirements, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 }) {
		return
	}
	rule := d.at(line(d.op.Spec.Origin), "security")
	add := func(what string, change func(*request)) *Case {
		return d.add("credentials", what+" is refused", rule, refused, d.base.with(func(r *request) {
			r.reason = badCredentials
			change(r)
		}))
	}
	add("a request without credentials", func(r *request) { r.anonymous = true })
	if d.settings.account == nil {
		return
	}
	own := *d.settings.account
	wrong := func(what, username, password string) *Case {
		return add(what, func(r *request) { r.account = &account{username, password} })
	}
	wrong("a wrong password", own.username, "wrong"+own.password)
	wrong("a password that lacks its last character", own.username, own.password[:len(own.password)-1])
	wrong("a password with one character more", own.username, own.password+"x")
	wrong("an empty password", own.username, "")
	if swapped := swapCase(own.password); swapped != own.password {
		wrong("a password in other letters", own.username, swapped)
	}
	wrong("a user name that does not exist", own.username[:len(own.username)-1]+next(own.username[len(own.username)-1]), own.password)
	wrong("an empty user name", "", own.password)
	wrong("user name and password exchanged", own.password, own.username)
	wrong("a user name of 4000 letters", marker, own.password).marker = marker
	for _, header := range []string{"Basic", "Basic !!!", "Basic " + "YWJj", "Bearer " + own.password, own.password, "Digest username=\"x\""} {
		what := "Authorization: " + strings.ReplaceAll(header, own.password, "the password")
		add(what, func(r *request) {
			r.anonymous = true
			r.header.Set("Authorization", header)
		})
	}
}

// methods tries the methods that the path does not have.
func (d *deriver) methods() {
	declared := d.op.Item.Operations()
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if declared[method] != nil {
			continue
		}
		rule := d.at(line(d.op.Item.Origin), "the path has no "+method)
		r := d.base.with(func(r *request) { r.method, r.reason = method, badMethod })
		d.add("methods", method+" is refused", rule, refused, r)
		if method == http.MethodGet {
			d.add("methods", "GET that says it were "+d.op.Method+" is refused", rule, refused, r.with(func(r *request) { r.header.Set("X-HTTP-Method-Override", d.op.Method) }))
		}
	}
	if declared[http.MethodOptions] == nil {
		d.add("methods", "a preflight is answered", "the Fetch standard, CORS preflight", unjudged, d.base.with(func(r *request) {
			r.method, r.body, r.anonymous = http.MethodOptions, nil, true
			r.header = http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {d.op.Method}}
		}))
	}
}

// paths tries paths that the document does not have.
func (d *deriver) paths() {
	segments := strings.Split(d.base.path, "/")
	other := func(what, path string) *Case {
		if _, onPath := d.judge.Find("", path); onPath || path == "" || path == d.base.path {
			return &Case{}
		}
		return d.add("paths", what+" is not found", d.at(line(d.op.Item.Origin), "paths"), refused, d.base.with(func(r *request) {
			r.path, r.reason = path, noSuchPath
		}))
	}
	other("a slash after the path", d.base.path+"/")
	other("a segment after the path", d.base.path+"/more")
	other("the path without its last segment", strings.Join(segments[:len(segments)-1], "/"))
	if swapped := swapLiterals(d.op.Path, d.path); swapped != d.base.path {
		other("the path in other letters", swapped)
	}
	other("an unknown path", "/nothing-is-here")
	other("an unknown path of 4000 letters", "/"+marker).marker = marker
	d.add("paths", "a malformed escape in the path is answered", "RFC 3986 section 2.1", unjudged, d.base.with(func(r *request) { r.path += "%zz" }))
}

// swapLiterals is the path with lower case for upper case and the other way round, outside of its parameters.
func swapLiterals(template string, values map[string]string) string {
	parts := strings.Split(template, "/")
	for i, part := range parts {
		if !strings.Contains(part, "{") {
			parts[i] = swapCase(part)
		}
	}
	return parameterName.ReplaceAllStringFunc(strings.Join(parts, "/"), func(text string) string {
		return url.PathEscape(values[strings.Trim(text, "{}")])
	})
}

// wire tries what HTTP lets a caller do.
func (d *deriver) wire() {
	for _, p := range d.op.Parameters {
		if p.In != "path" {
			continue
		}
		for _, value := range distinct(p) {
			if value != d.path[p.Name] {
				d.add("smuggling", p.Name+" in the query does not replace the path's", d.at(line(d.op.Spec.Origin), p.Name+" is in the path"), either, d.base.with(func(r *request) {
					r.query = strings.TrimPrefix(r.query+"&"+string(encode([]field{{p.Name, value}})), "&")
				}))
				break
			}
		}
	}
	if full := d.withBody(); len(full.body) > 0 {
		d.add("wire", "a body of unsaid length is accepted", "RFC 9112 section 7.1", d.valid, full.with(func(r *request) { r.chunked = true }))
	}
}

// repetitions sends the same again, and at once: what must be unique is judged over all answers.
func (d *deriver) repetitions() {
	if len(d.cases) == 0 {
		return
	}
	rule := d.at(line(d.op.Spec.Origin), d.op.ID)
	d.add("repetition", "the same request again is accepted", rule, d.valid, d.withBody())
	d.add("repetition", "the same request eight times at once is accepted", rule, d.valid, d.withBody()).times = 8
}
