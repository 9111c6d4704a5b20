package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"regexp"
)

// connectionErrors are failures of the transport whose text holds numbers of a stream, or what a server has chosen: told in
// words that are the same each time. The transport has no types for them.
var connectionErrors = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`GOAWAY`), "the server went away (GOAWAY)"},
	{regexp.MustCompile(`EOF|connection (reset|lost)|server closed`), "the server closed the connection"},
	{regexp.MustCompile(`REFUSED_STREAM|cannot retry err`), "the server refused the stream"},
	{regexp.MustCompile(`stream error`), "the server reset the stream"},
	{regexp.MustCompile(`(?i)malformed|frame|connection error|invalid header|protocol error|http2: `), "the answer is not HTTP"},
}

// certificateReason says what is wrong with a certificate, without what stands in it: that is the server's.
func certificateReason(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			return "the server does not speak TLS"
		}
		return "the request failed"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate is of an unknown authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is not for the host"
	}
	return "the certificate is not valid"
}
