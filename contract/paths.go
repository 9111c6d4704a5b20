package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
)

// methods tries the methods that the path does not have.
func (d *deriver) methods() {
	declared := d.judge.Methods(d.op.Path)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if declared[method] || method == http.MethodHead && declared[http.MethodGet] {
			continue
		}
		rule := d.at(openapi.At(d.op.Item.Origin), "the path has no "+method)
		r := d.base.with(func(r *request) { r.method, r.reason = method, badMethod })
		d.add("methods", method, " is refused", rule, refused, r)
		if method != http.MethodGet || !d.settings.strict {
			continue
		}
		for _, name := range overrides {
			d.add("methods", "GET with "+name+": "+d.op.Method, " is refused", rule, refused, r.with(func(r *request) { r.header.Set(name, d.op.Method) }))
		}
		d.add("methods", "GET with _method="+d.op.Method+" in the query", " is refused", rule, refused, r.with(func(r *request) {
			r.addQuery("_method=" + d.op.Method)
		}))
	}
	if !d.settings.strict {
		return
	}
	for _, method := range []string{http.MethodTrace, "QUERY", "PROPFIND", "FOO", d.op.Method + "X", strings.ToLower(d.op.Method)} {
		if !declared[method] {
			d.add("methods", method, " is refused", "RFC 9110 section 9.1", refused, d.base.with(func(r *request) { r.method, r.reason, r.body = method, unknownMethod, nil }))
		}
	}
	if !isSafe(d.op.Method) {
		for _, name := range overrides {
			d.add("methods", d.op.Method+" with "+name+": GET", " is accepted as it is", "the document has no header "+name, d.valid, d.withBody().with(func(r *request) { r.header.Set(name, http.MethodGet) }))
		}
		d.add("methods", d.op.Method+" with _method=GET in the query", " is not another method", "the document has no _method", either, d.withBody().with(func(r *request) {
			r.addQuery("_method=GET")
		}))
	}
	if declared[http.MethodOptions] {
		return
	}
	preflight := d.base.with(func(r *request) {
		r.method, r.body, r.anonymous = http.MethodOptions, nil, true
		r.header = http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {d.op.Method}}
	})
	d.add("methods", "a preflight", " is answered", "the Fetch standard, CORS preflight", unjudged, preflight).request.description = "a preflight"
	d.add("methods", "OPTIONS with credentials", " is answered", "RFC 9110 section 9.3.7", unjudged, d.withBody().with(func(r *request) {
		r.method = http.MethodOptions
	})).request.description = "OPTIONS"
}

// overrides are headers by which some frameworks let a caller say that the method is another one.
var overrides = []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}

// paths tries paths that the document does not have.
func (d *deriver) paths() {
	place := d.at(openapi.At(d.op.Item.Origin), "paths")
	other := func(what, path string, why reason) *Case {
		if _, onPath := d.judge.Find("", path); onPath || path == "" || path == d.base.path {
			return &Case{}
		}
		return d.add("paths", what, " is not found", place, refused, d.base.with(func(r *request) {
			r.path, r.values, r.reason = path, nil, why
		}))
	}
	if !d.settings.strict {
		other("an unknown path", "/nothing-is-here", noSuchPath)
		return
	}
	for _, after := range []struct{ what, text string }{
		{"a slash after the path", "/"}, {"a segment after the path", "/more"}, {"an extension after the path", ".json"},
		{"a matrix parameter after the path", ";x=1"}, {"a point after the path", "."}, {"a space after the path", "%20"}, {"a null byte after the path", "%00"}, {"a question mark after the path", "%3F"},
	} {
		other(after.what, d.base.path+after.text, noSuchPath)
	}
	for _, before := range []string{"/x", "/api"} {
		other("the path below "+before, before+d.base.path, noSuchPath)
	}
	other("two slashes after the path", d.base.path+"//", uncleanPath)
	other("a double slash before the path", "/"+d.base.path, uncleanPath)
	other("the path after a segment and back", "/x/.."+d.base.path, uncleanPath)
	if swapped := swapLiterals(d.op.Path, d.path); swapped != d.base.path {
		other("the path in other letters", swapped, noSuchPath)
	}
	d.segments(other)
	other("an unknown path", "/nothing-is-here", noSuchPath)
	if d.op.Method != http.MethodGet {
		if c := other("GET of an unknown path", "/nothing-is-there", noSuchPath); c.operation != nil {
			c.request.method, c.request.body = http.MethodGet, nil
		}
	}
	other("an unknown path of 4000 letters", "/"+marker, longPath).marker = marker
	d.add("paths", "a malformed escape in the path", " is answered", "RFC 3986 section 2.1", unjudged, d.base.with(func(r *request) { r.path, r.values = r.path+"%zz", nil })).request.description = "a malformed escape in the path"
}

// segments tries paths of which one segment is another, is missing or is there twice.
func (d *deriver) segments(other func(what, path string, why reason) *Case) {
	segments := strings.Split(d.base.path, "/")
	template := strings.Split(d.op.Path, "/")
	with := func(i int, replacement ...string) string {
		changed := append(append([]string{}, segments[:i]...), replacement...)
		return strings.Join(append(changed, segments[i+1:]...), "/")
	}
	for i, name := range template {
		if i == 0 || name == "" {
			// The path is /, or ends with a slash.
			continue
		}
		called := fmt.Sprintf("%q", name)
		other("the path without "+called, with(i), noSuchPath)
		other("a double slash before "+called, with(i, "", segments[i]), uncleanPath)
		other("a segment . before "+called, with(i, ".", segments[i]), uncleanPath)
		if strings.Contains(name, "{") {
			other("an empty value for "+called, with(i, ""), uncleanPath)
			continue
		}
		other(called+" with another character at its end", with(i, segments[i][:len(segments[i])-1]+next(segments[i][len(segments[i])-1])), noSuchPath)
		other(called+" with another digit", with(i, strings.NewReplacer("2", "1", "1", "2", "3", "2").Replace(segments[i])), noSuchPath)
		if i+1 < len(segments) {
			other("a backslash after "+called+" for a slash", strings.Join(segments[:i+1], "/")+"%5C"+strings.Join(segments[i+1:], "/"), noSuchPath)
		}
		other(called+" with a letter more", with(i, segments[i]+"x"), noSuchPath)
		other(called+" with a letter less", with(i, segments[i][:len(segments[i])-1]), noSuchPath)
		other("another segment instead of "+called, with(i, "another"), noSuchPath)
		if lower := strings.ToLower(segments[i]); lower != segments[i] {
			other(called+" in lower case", with(i, lower), noSuchPath)
		}
		other("a backslash after "+called, with(i, segments[i]+"%5C"), noSuchPath)
	}
}

// swapLiterals is the path with lower case for upper case and the other way round, outside of its parameters.
func swapLiterals(template string, values map[string]string) string {
	parts := strings.Split(template, "/")
	for i, part := range parts {
		if !strings.Contains(part, "{") {
			parts[i] = sample.SwapCase(part)
		}
	}
	return parameterName.ReplaceAllStringFunc(strings.Join(parts, "/"), func(text string) string {
		return url.PathEscape(values[strings.Trim(text, "{}")])
	})
}
