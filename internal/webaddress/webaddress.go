// Package webaddress checks URLs that operators give, so that one which can never be opened is refused at the start.
package webaddress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxLength bounds a URL, in bytes.
const maxLength = 2048

// Check tells what is wrong with a URL of http or https that something is posted to. The error does not hold the URL, which
// may hold a secret.
func Check(text string) error {
	_, err := Parse(text)
	return err
}

// Parse is Check that gives the URL.
func Parse(text string) (*url.URL, error) {
	switch {
	case len(text) > maxLength:
		return nil, fmt.Errorf("must be at most %d bytes long", maxLength)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, errors.New("must have no white space or control characters")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("must be one of http:// or https:// and a host")
	}
	if strings.HasSuffix(u.Host, ":") {
		return nil, errors.New("must have a port behind the colon, or no colon")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, errors.New("must have a port from 1 to 65535")
		}
	}
	if host := u.Hostname(); !strings.Contains(host, ":") && !isName(host) || strings.Contains(host, "%") {
		return nil, errors.New("must have a host of letters, digits, dots and hyphens, or an address")
	}
	if strings.Contains(text, "#") {
		return nil, errors.New("must have no fragment: it is not sent")
	}
	return u, nil
}

// IsLoopback tells whether a URL is on this machine.
func IsLoopback(u *url.URL) bool {
	if strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.Unmap().IsLoopback()
}

// isName tells whether a host can be a name of DNS, or an address of IPv4.
func isName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r < 0x80 {
				return false
			}
		}
	}
	return true
}
