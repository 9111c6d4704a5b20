package server

import (
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

func newCORS(origins []string) (cors, error) {
	if len(origins) == 0 || slices.Contains(origins, "*") {
		return cors{}, nil
	}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+strings.ToLower(u.Host) != origin {
			return cors{}, fmt.Errorf("CORS origin %q: must be * or scheme://host[:port] in lower case, without a path", origin)
		}
	}
	return cors{origins: origins}, nil
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
