package outbound

import "regexp"

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
