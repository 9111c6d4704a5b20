package ops

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/bearer"
	"github.com/nudgehq/nudge/internal/origin"
)

// Guard says who may ask the operators' endpoints, /healthz and /readyz excepted. A page of another site may not, nor one
// whose name was pointed here: an address and localhost can not be, other names have to be listed.
type Guard struct {
	// Hosts are the names by which the listener may be asked, with a port where they are asked with one.
	Hosts []string
	// Token, if any, has to be sent as a bearer token.
	Token string
}

// Protect sets the guard. The zero Guard lets everybody in who asks by an address or as localhost, and is no page.
func (o *Ops) Protect(g Guard) { o.guard = g }

func (g Guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		health := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
		switch {
		case health:
		case !origin.OwnHost(r, "") && !slices.ContainsFunc(g.Hosts, func(host string) bool { return strings.EqualFold(host, r.Host) }):
			text(w, http.StatusForbidden, "the operators' endpoints are not asked by this name; the operator can allow it with --ops-host")
			return
		case g.ofOtherPage(r):
			text(w, http.StatusForbidden, "the operators' endpoints answer no page of another site")
			return
		case g.Token != "" && !g.hasToken(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="nudge operators"`)
			text(w, http.StatusUnauthorized, "the token of --ops-token is needed")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ofOtherPage tells whether a page asks that may not: any page, where something is changed.
func (g Guard) ofOtherPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return r.Header.Get("Origin") != "" || site != "" && site != "none"
	}
	return !origin.OwnPage(r, "") || site == "cross-site" || site == "same-site"
}

func (g Guard) hasToken(r *http.Request) bool {
	token, ok := bearer.Token(r.Header)
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(g.Token))
	return ok && subtle.ConstantTimeCompare(given[:], want[:]) == 1
}
