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
	allowOrigin      string
	allowCredentials bool
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
		return corsHeaders{allowOrigin: "*"}
	}
	if !slices.Contains(c.origins, origin) {
		origin = c.origins[0]
	}
	return corsHeaders{allowOrigin: origin, allowCredentials: true}
}

// vary tells caches that answers differ by origin, when they do.
func (c cors) vary(header http.Header) {
	if len(c.origins) > 0 {
		header.Set("Vary", "Origin")
	}
}

func (h corsHeaders) set(header http.Header) {
	header.Set("Access-Control-Allow-Origin", h.allowOrigin)
	header.Set("Access-Control-Allow-Methods", corsAllowMethods)
	header.Set("Access-Control-Allow-Headers", corsAllowHeaders)
	header.Set("Access-Control-Allow-Credentials", strconv.FormatBool(h.allowCredentials))
	header.Set("Access-Control-Expose-Headers", corsExposeHeaders)
}
