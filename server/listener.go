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

// Write passes on what the handler answers. net/http writes each of its own answers in one piece: a status line of 4xx
// or 5xx, and no request id.
func (c errorConn) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, []byte("HTTP/1.1 4")) && !bytes.HasPrefix(p, []byte("HTTP/1.1 5")) || bytes.Contains(p, []byte("\r\nTwilio-Request-Id: ")) {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(c.server.malformedRequest()); err != nil {
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
func (s *Server) malformedRequest() []byte {
	start := time.Now()
	call := &call{requestID: newSID("RQ"), cors: s.cors.headers("")}
	body, text := s.errorBody(unreadable("it is not a valid HTTP request"))
	header := http.Header{
		"Connection":     {"close"},
		"Content-Length": {strconv.Itoa(len(text))},
		"Content-Type":   {"application/json"},
		"Date":           {start.UTC().Format(http.TimeFormat)},
	}
	call.setHeaders(header)
	var answer bytes.Buffer
	fmt.Fprintf(&answer, "HTTP/1.1 %d %s\r\n", body.Status, http.StatusText(body.Status))
	// Writing to a bytes.Buffer does not fail.
	_ = header.Write(&answer)
	answer.WriteString("\r\n")
	answer.Write(text)
	s.observe(context.Background(), Observation{
		Method: method(""), Status: body.Status, Code: body.Code, RequestID: call.requestID, Duration: time.Since(start),
	})
	return answer.Bytes()
}
