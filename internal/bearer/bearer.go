// Package bearer reads bearer tokens of requests (RFC 6750).
package bearer

import (
	"net/http"
	"strings"
)

// Token gives the token of the one Authorization header. The scheme has no case, and blanks before the token do not count.
func Token(header http.Header) (token string, ok bool) {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if token = strings.TrimLeft(token, " "); token == "" || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return token, true
}
