package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// http2Server is a server of HTTP/2 that answers each request with frames of the test's.
func http2Server(t *testing.T, answer func(f *http2.Framer, stream uint32) error) (url string, settings *tls.Config, requests *atomic.Int64) {
	t.Helper()
	// Its certificate alone is of use.
	of := httptest.NewTLSServer(nil)
	t.Cleanup(of.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: of.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	requests = &atomic.Int64{}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
					return
				}
				f := http2.NewFramer(conn, conn)
				if f.WriteSettings() != nil {
					return
				}
				for {
					frame, err := f.ReadFrame()
					if err != nil {
						return
					}
					if headers, ok := frame.(*http2.HeadersFrame); ok {
						requests.Add(1)
						if answer(f, headers.StreamID) != nil {
							return
						}
					}
				}
			}()
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(of.Certificate())
	return "https://" + listener.Addr().String(), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, requests
}

// A server of HTTP/2 may say that it has not dealt with a request. Go's transport then makes it again, by itself, up to seven times;
// what is to be tried only once is not tried only once so.
func TestARequestIsMadeOnce(t *testing.T) {
	for name, answer := range map[string]func(f *http2.Framer, stream uint32) error{
		"the server refused the stream": func(f *http2.Framer, stream uint32) error {
			return f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
		},
		"the server went away (GOAWAY)": func(f *http2.Framer, _ uint32) error {
			if err := f.WriteGoAway(0, http2.ErrCodeNo, []byte("s3cr3t")); err != nil {
				return err
			}
			return io.EOF
		},
		"the server reset the stream": func(f *http2.Framer, stream uint32) error {
			return f.WriteRSTStream(stream, http2.ErrCodeInternal)
		},
		"the answer is not HTTP": func(f *http2.Framer, stream uint32) error {
			return f.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, stream, []byte("garbage"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, settings, requests := http2Server(t, answer)
			c := New(Options{Rules: Rules{AllowPrivate: true}, TLS: settings})
			for i := range 3 {
				_, failed, ok := c.Post(t.Context(), url, map[string][]string{}, []byte("{}"))
				if ok || failed.String() != "again" || failed.Reason() != name {
					t.Errorf("%v, %s because %q", ok, failed, failed.Reason())
				}
				if got := requests.Load(); got != int64(i+1) {
					t.Errorf("%d requests for %d attempts", got, i+1)
				}
			}
		})
	}
}
