// Package origin tells requests of this server's own pages, and of programs, from those of other pages.
//
// A page of another site can send requests here, and one whose name an attacker has pointed here (DNS rebinding) is taken by
// the browser for a page of this server. An address and localhost cannot be pointed elsewhere.
package origin

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// OwnHost tells whether the request's host is the public one, this machine, or an address.
func OwnHost(r *http.Request, public string) bool {
	if public != "" && strings.EqualFold(r.Host, public) {
		return true
	}
	name := r.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	name = strings.Trim(name, "[]")
	return strings.EqualFold(name, "localhost") || net.ParseIP(name) != nil
}

// OwnPage tells whether the request has no Origin header, or this server's own origin.
func OwnPage(r *http.Request, public string) bool {
	text := r.Header.Get("Origin")
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, public))
}
