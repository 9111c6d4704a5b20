package mutant

import (
	"net/http"
	"strings"
)

// inDoors let in what they should not, or keep out what they should let in.
var inDoors = []Mutant{
	// Credentials.
	{"needs no credentials", `without credentials`, asks(func(r *request) { r.SetBasicAuth(Username, Password) })},
	{"does not check the password", `password`, login(func(_ *request, username, _ string) (string, string) { return username, Password })},
	{"does not check the user name", `user name`, login(func(_ *request, _, password string) (string, string) { return Username, password })},
	{"compares a prefix of the password", `lacks its last character|one character more`, password(func(_ *request, password string) bool {
		return password != "" && (strings.HasPrefix(password, Password) || strings.HasPrefix(Password, password))
	})},
	{"compares passwords in any case", `in other letters`, password(func(_ *request, password string) bool { return strings.EqualFold(password, Password) })},
	{"answers 403 to wrong credentials", `answered 403`, refuses(func(_ *request, f *failure) {
		if f.status == http.StatusUnauthorized {
			f.become(&failure{status: 403, code: 60322, message: "Forbidden"})
		}
	})},
	{"leaves WWW-Authenticate out", `WWW-Authenticate is missing`, headers(func(h http.Header) { h.Del("WWW-Authenticate") })},
	{"answers 500 to malformed credentials", `answered 500`, refuses(func(r *request, f *failure) {
		_, _, ok := r.BasicAuth()
		f.failIf(f.status == http.StatusUnauthorized && !ok && r.Header.Get("Authorization") != "")
	})},
	// Methods and paths.
	{"leaves Allow out", `Allow is missing`, headers(func(h http.Header) { h.Del("Allow") })},
	{"answers an Allow that lacks POST", `Allow is .*lacks POST`, allow("OPTIONS")},
	{"answers 404 to other methods", `answered 404.*(GET|PUT)`, refuses(func(_ *request, f *failure) {
		if f.status == http.StatusMethodNotAllowed {
			f.become(notFound())
		}
	})},
	{"accepts PUT", `PUT is refused|answered 201.*PUT`, method(func(r *request) bool { return r.Method == http.MethodPut })},
	{"answers GET with 200", `answered 200.*GET|GET`, answers(func(r *request, a *answer) {
		if r.Method == http.MethodGet && a.status == http.StatusMethodNotAllowed {
			a.status, a.text = http.StatusOK, []byte("{}")
			a.header.Del("Allow")
		}
	})},
	{"accepts a slash after the path", `slash after the path`, path(func(escaped string) string { return strings.TrimSuffix(escaped, "/") })},
	{"accepts a path in other letters", `path in other letters`, path(inOurLetters)},
	{"answers unknown paths in plain text", `media type is text/plain`, failed(func(a *answer) {
		if a.status == http.StatusNotFound {
			a.text = []byte(a.failure.message)
			a.header.Set("Content-Type", "text/plain")
		}
	})},
}

// password takes some wrong passwords.
func password(right func(r *request, password string) bool) change {
	return login(func(r *request, username, password string) (string, string) {
		if right(r, password) {
			password = Password
		}
		return username, password
	})
}

// method takes some requests for POST.
func method(post func(*request) bool) change {
	return asks(func(r *request) {
		if post(r) {
			r.Method = http.MethodPost
		}
	})
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// inOurLetters writes the literals of the path as the operation does.
func inOurLetters(escaped string) string {
	parts := strings.Split(escaped, "/")
	for i, literal := range literals {
		if i < len(parts) && strings.EqualFold(parts[i], literal) {
			parts[i] = literal
		}
	}
	return strings.Join(parts, "/")
}

// allow changes an Allow that is there.
func allow(methods string) change {
	return headers(func(h http.Header) {
		if h.Get("Allow") != "" {
			h.Set("Allow", methods)
		}
	})
}
