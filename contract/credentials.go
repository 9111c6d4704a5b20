package contract

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
)

// credentials tries none and wrong ones, where the operation needs some.
func (d *deriver) credentials() {
	requirements := d.op.Security
	if len(requirements) == 0 || slices.ContainsFunc(requirements, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 }) {
		return
	}
	rule := d.at(openapi.At(d.op.Spec.Origin), "security")
	bases := map[string]request{"": d.base}
	if full := d.withBody(); len(d.base.body) == 0 && len(full.body) > 0 {
		bases[" with a body"] = full
	}
	add := func(what string, change func(*request)) {
		for _, kind := range sortedKeys(bases) {
			d.add("credentials", what+kind, " is refused", rule, refused, bases[kind].with(func(r *request) {
				r.reason = badCredentials
				change(r)
			}))
		}
	}
	add("a request without credentials", func(r *request) { r.anonymous = true })
	d.wrongHeaders(add)
	if d.settings.account == nil {
		return
	}
	own := *d.settings.account
	for _, wrong := range wrongAccounts(own) {
		add(wrong.what, func(r *request) { r.account = &wrong.account })
	}
	d.add("credentials", "a user name of 4000 letters", " is refused", rule, refused, d.base.with(func(r *request) {
		r.reason, r.account = badCredentials, &account{marker, own.password}
	})).marker = marker
	pair := base64.StdEncoding.EncodeToString([]byte(own.username + ":" + own.password))
	encoded := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, wrong := range []struct{ what, header string }{
		{"Authorization: Basic", "Basic"}, {"Authorization: Basic !!!", "Basic !!!"}, {"Authorization: Basic YWJj", "Basic YWJj"},
		{"Authorization: Digest", `Digest username="x"`}, {"the password as bearer token", "Bearer " + own.password}, {"the password alone", own.password},
		{"the right pair under another scheme", "Bearer " + pair}, {"the right pair without a scheme", pair}, {"the right pair not encoded", "Basic " + own.username + ":" + own.password},
		{"the user name without a colon", encoded(own.username)}, {"a colon alone", encoded(":")}, {"the right pair with a line feed after it", encoded(own.username + ":" + own.password + "\n")},
		{"a null byte after the password", encoded(own.username + ":" + own.password + "\x00")}, {"a password with bytes outside of UTF-8", encoded(own.username + ":\xff\xfe")},
	} {
		add(wrong.what, func(r *request) {
			r.anonymous = true
			r.header.Set("Authorization", wrong.header)
		})
	}
	d.add("credentials", "credentials in the query", " are refused", rule, refused, d.base.with(func(r *request) {
		r.anonymous, r.reason = true, badCredentials
		secrets := url.Values{"AccountSid": {own.username}, "AuthToken": {own.password}, "username": {own.username}, "password": {own.password}, "token": {own.password}}
		r.addQuery(secrets.Encode())
	}))
	if slices.ContainsFunc(requirements, func(r openapi3.SecurityRequirement) bool { return d.isBasic(r) }) {
		d.add("credentials", "the scheme in lower case", " is accepted", "RFC 9110 section 11.1", d.valid, d.base.with(func(r *request) {
			r.anonymous = true
			r.header.Set("Authorization", "basic "+pair)
		}))
	}
}

// wrongHeaders tries other values of the headers and the parameters of the query that are the run's own credentials.
func (d *deriver) wrongHeaders(add func(what string, change func(*request))) {
	for _, name := range sortedKeys(d.settings.header) {
		if asked := d.asksFor("header", name) || name == "Cookie" && d.asksFor("cookie", ""); !asked {
			continue
		}
		right := d.settings.header.Get(name)
		for _, wrong := range []struct{ what, value string }{
			{"a wrong " + name, wrongSecret(right)}, {"a longer " + name, right + "x"}, {"an empty " + name, ""},
		} {
			add(wrong.what, func(r *request) { r.instead = map[string]string{name: wrong.value} })
		}
	}
	for _, name := range sortedKeys(d.settings.query) {
		if d.asksFor("query", name) {
			add("a wrong "+name+" in the query", func(r *request) { r.instead = map[string]string{"?" + name: wrongSecret(d.settings.query.Get(name))} })
		}
	}
}

// wrongSecret is a secret with another last character.
func wrongSecret(right string) string {
	if right == "" {
		return "x"
	}
	return right[:len(right)-1] + next(right[len(right)-1])
}

// asksFor tells whether the operation's security stands in a place under a name; an empty name is any.
func (d *deriver) asksFor(in, name string) bool {
	for _, requirement := range d.op.Security {
		for scheme := range requirement {
			ref := d.judge.Doc.Components.SecuritySchemes[scheme]
			if ref == nil || ref.Value == nil {
				continue
			}
			switch s := ref.Value; {
			case s.Type == "apiKey":
				if s.In == in && (name == "" || strings.EqualFold(s.Name, name)) {
					return true
				}
			case in == "header" && strings.EqualFold(name, "Authorization"):
				return true
			}
		}
	}
	return false
}

// isGiven tells whether the run sends a parameter with every request.
func (d *deriver) isGiven(p *openapi3.Parameter) bool {
	return d.settings.header.Get(p.Name) != "" && p.In == "header" || d.settings.query.Has(p.Name) && p.In == "query"
}

// isBasic tells whether HTTP basic alone is enough.
func (d *deriver) isBasic(requirement openapi3.SecurityRequirement) bool {
	for name := range requirement {
		if ref := d.judge.Doc.Components.SecuritySchemes[name]; ref != nil && len(requirement) == 1 && ref.Value.Type == "http" && strings.EqualFold(ref.Value.Scheme, "basic") {
			return true
		}
	}
	return false
}

type wrongAccount struct {
	what string
	account
}

// wrongAccounts are near to the right one.
func wrongAccounts(own account) []wrongAccount {
	list := []wrongAccount{
		{"a wrong password", account{own.username, "wrong" + own.password}},
		{"a password that lacks its last character", account{own.username, own.password[:len(own.password)-1]}},
		{"a password with one character more", account{own.username, own.password + "x"}},
		{"a password with a space after it", account{own.username, own.password + " "}},
		{"a password with a colon and more after it", account{own.username, own.password + ":x"}},
		{"an empty password", account{own.username, ""}},
		{"the user name as password", account{own.username, own.username}},
		{"an unknown user name", account{own.username[:len(own.username)-1] + next(own.username[len(own.username)-1]), own.password}},
		{"a user name with one character more", account{own.username + "x", own.password}},
		{"a user name with a space before it", account{" " + own.username, own.password}},
		{"an empty user name", account{"", own.password}},
		{"user name and password exchanged", account{own.password, own.username}},
	}
	for _, swapped := range []wrongAccount{
		{"a password in other letters", account{own.username, sample.SwapCase(own.password)}},
		{"a user name in other letters", account{sample.SwapCase(own.username), own.password}},
	} {
		if swapped.account != own {
			list = append(list, swapped)
		}
	}
	return list
}
