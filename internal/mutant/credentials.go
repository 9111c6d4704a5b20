package mutant

import (
	"encoding/base64"
	"net/http"
	"strings"
)

func (s *server) authenticate(r *http.Request) *failure {
	if s.is("needs no credentials") {
		return nil
	}
	username, password, ok := r.BasicAuth()
	if _, encoded, found := strings.Cut(r.Header.Get("Authorization"), " "); s.is("takes any scheme for basic") && found {
		if pair, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			username, password, ok = strings.Cut(string(pair), ":")
		}
	}
	if s.is("takes credentials from the query") && r.URL.Query().Has("AuthToken") {
		username, password, ok = r.URL.Query().Get("AccountSid"), r.URL.Query().Get("AuthToken"), true
	}
	if s.is("refuses the scheme in lower case") && strings.HasPrefix(r.Header.Get("Authorization"), "basic") {
		ok = false
	}
	if !ok && r.Header.Get("Authorization") != "" && s.is("answers 500 to malformed credentials") {
		return &failure{status: 500, code: 20500, message: "An internal error has occurred"}
	}
	same := password == Password
	switch {
	case s.is("does not check the password"):
		same = true
	case s.is("compares a prefix of the password"):
		same = password != "" && (strings.HasPrefix(password, Password) || strings.HasPrefix(Password, password))
	case s.is("does not check the password when there is a body"):
		same = same || r.ContentLength > 0
	case s.is("compares user names in any case"):
		username = strings.Replace(strings.ToUpper(username), strings.ToUpper(Username), Username, 1)
	case s.is("compares passwords in any case"):
		same = strings.EqualFold(password, Password)
	}
	if ok && same && (username == Username || s.is("does not check the user name")) {
		return nil
	}
	if s.is("answers 403 to wrong credentials") {
		return &failure{status: 403, code: 60322, message: "Forbidden"}
	}
	if s.is("repeats the password") && ok {
		return &failure{status: 401, code: 20003, message: "Authenticate: " + password + " is not " + Password}
	}
	return &failure{status: 401, code: 20003, message: "Authenticate"}
}
