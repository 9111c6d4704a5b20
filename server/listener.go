package server

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Listener wraps the listener that an http.Server accepts from. A request that is not valid HTTP never reaches a handler:
// net/http answers it itself, in plain text. This gives such an answer the error shape, like every other. Connections
// over TLS are left as they are: there, the wrapper would see only encrypted bytes.
func (s *Server) Listener(l net.Listener) net.Listener { return errorListener{l, s} }

type errorListener struct {
	net.Listener
	server *Server
}

func (l errorListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return errorConn{conn, l.server}, nil
}

// errorConn replaces the answers that are not the handler's.
type errorConn struct {
	net.Conn
	server *Server
}

// Write passes on what a handler answers. net/http writes each of its own answers in one piece: a status line of 4xx or
// 5xx, and no Date, which every handler's answer has. Only its 417 has one too, and no handler answers 417.
func (c errorConn) Write(p []byte) (int, error) {
	const statusLine = "HTTP/1.x 4"
	if len(p) < len(statusLine) || !bytes.HasPrefix(p, []byte("HTTP/1.")) || p[len(statusLine)-1] != '4' && p[len(statusLine)-1] != '5' ||
		bytes.Contains(p, []byte("\r\nDate: ")) && !bytes.HasPrefix(p[len(statusLine)-1:], []byte("417 ")) {
		return c.Conn.Write(p)
	}
	start := time.Now()
	answer, seen := c.server.malformedRequest(start)
	_, err := c.Conn.Write(answer)
	seen.Duration = time.Since(start)
	c.server.observe(context.Background(), seen)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite lets net/http end its side first, so that a caller that is still sending can read the answer.
func (c errorConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// malformedRequest is the whole answer to a request that is not valid HTTP. The connection ends with it.
func (s *Server) malformedRequest(now time.Time) (answer []byte, seen Observation) {
	call := &call{requestID: newSID("RQ"), cors: s.cors.headers("")}
	body, text := s.contract.errorBody(unreadable("it is not a valid HTTP request"))
	header := http.Header{
		"Connection":     {"close"},
		"Content-Length": {strconv.Itoa(len(text))},
		"Content-Type":   {"application/json"},
		"Date":           {now.UTC().Format(http.TimeFormat)},
	}
	call.setHeaders(header)
	s.cors.vary(header)
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", body.Status, http.StatusText(body.Status))
	// Writing to a bytes.Buffer does not fail.
	_ = header.Write(&b)
	b.WriteString("\r\n")
	b.Write(text)
	return b.Bytes(), Observation{Method: method(""), Status: body.Status, Code: body.Code, RequestID: call.requestID}
}
