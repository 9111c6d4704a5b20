package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What a page of another origin may send and read, as the hosted service answers.
const (
	corsAllowMethods = "GET, POST, DELETE, OPTIONS"
	corsAllowHeaders = "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, " +
		"If-Unmodified-Since, Idempotency-Key"
	corsExposeHeaders = "ETag"
	// corsMaxAge is how long a browser may remember a preflight, in seconds; Chromium remembers none for longer.
	corsMaxAge = "7200"
)

// cors decides which origins may read the answers.
type cors struct {
	// origins are the listed origins; empty: any.
	origins []string
}

// corsHeaders are the headers that depend on the request's origin.
type corsHeaders struct {
	allowOrigin, allowCredentials []string
}

// CheckCORSOrigins tells what is wrong with a list of origins, as New does.
func CheckCORSOrigins(origins []string) error {
	_, err := newCORS(origins)
	return err
}

func newCORS(origins []string) (cors, error) {
	if len(origins) == 0 || len(origins) == 1 && origins[0] == "*" {
		return cors{}, nil
	}
	for _, origin := range origins {
		if origin == "*" {
			return cors{}, errors.New("CORS origin *: stands alone, or is left out")
		}
		if !isOrigin(origin) {
			return cors{}, fmt.Errorf("CORS origin %.100q: must be * or scheme://host[:port] in lower case, as browsers write it: without a path, and without the scheme's own port", origin)
		}
	}
	return cors{origins: origins}, nil
}

// isOrigin tells whether a browser could send it as Origin.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme+"://"+u.Host != text || strings.ToLower(text) != text || strings.HasSuffix(u.Host, ":") ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '*' }) {
		return false
	}
	if u.Port() == "" {
		return true
	}
	if own := map[string]string{"http": "80", "https": "443"}; u.Port() == own[u.Scheme] {
		return false
	}
	port, err := strconv.Atoi(u.Port())
	return err == nil && port > 0 && port <= 65535 && strconv.Itoa(port) == u.Port()
}

// headers gives the headers for a request from origin, which is empty where the caller is no page. With a list, an
// origin that is not on it gets the first one that is: the browser compares, and refuses.
func (c cors) headers(origin string) corsHeaders {
	if len(c.origins) == 0 {
		return corsHeaders{anyOrigin, noCredentials}
	}
	at := max(slices.Index(c.origins, origin), 0)
	return corsHeaders{c.origins[at : at+1 : at+1], credentials}
}

// vary tells caches that answers differ by origin, when they do.
func (c cors) vary(header http.Header) {
	if len(c.origins) > 0 {
		header["Vary"] = varyByOrigin
	}
}

func (h corsHeaders) set(header http.Header) {
	header["Access-Control-Allow-Origin"] = h.allowOrigin
	header["Access-Control-Allow-Methods"] = allowMethods
	header["Access-Control-Allow-Headers"] = allowHeaders
	header["Access-Control-Allow-Credentials"] = h.allowCredentials
	header["Access-Control-Expose-Headers"] = exposeHeaders
}
