package pushpeers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Request is one that a peer got.
type Request struct {
	Method, Path, Proto string
	Header              http.Header
	Body                []byte
	// Text is what a device sees of it; empty where it was refused.
	Text string
	// Status is what was answered.
	Status int
}

// Answer is what a peer answers.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
}

// Peer is a server on loopback. Make one with NewAPNs, NewFCM or NewPushService.
type Peer struct {
	// URL is where it is, and CA its certificate in PEM.
	URL string
	CA  []byte

	server *http.Server
	// judge is what the provider answers to a request, with the text that the device sees of one that is taken.
	judge func(r Request) (Answer, string)

	// Now is the clock that tokens are judged by.
	Now func() time.Time

	mu       sync.Mutex
	got      []Request
	answers  []Way
	arrived  func(Request)
	observe  func(Request)
	received chan bool
}

// start starts the server, over TLS with HTTP/2 and HTTP/1.1. Besides what judge judges, more is served.
func start(judge func(p *Peer, r Request) (Answer, string), more map[string]http.HandlerFunc) (*Peer, error) {
	certificate, ca, err := selfSigned()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Peer{URL: "https://" + listener.Addr().String(), CA: ca, Now: time.Now, received: make(chan bool, 1)}
	p.judge = func(r Request) (Answer, string) { return judge(p, r) }
	mux := http.NewServeMux()
	for pattern, handler := range more {
		mux.HandleFunc(pattern, handler)
	}
	mux.HandleFunc("/", p.serve)
	p.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = p.server.ServeTLS(listener, "", "") }()
	return p, nil
}

// Close ends the server and its connections.
func (p *Peer) Close() { _ = p.server.Close() }

// serve answers one request as the test wants, or as the provider does.
func (p *Peer) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	request := Request{Method: r.Method, Path: r.URL.Path, Proto: r.Proto, Header: r.Header.Clone(), Body: body}
	p.mu.Lock()
	var scripted Way
	if len(p.answers) > 0 {
		if scripted = p.answers[0]; len(p.answers) > 1 {
			p.answers = p.answers[1:]
		}
	}
	p.mu.Unlock()
	// It is kept before it is answered: whoever has the answer finds it.
	place := p.keep(request)
	if scripted != nil && scripted(request, w) {
		return
	}
	answer, text := p.judge(request)
	request.Text, request.Status = text, answer.Status
	p.update(place, request)
	answer.write(w)
}

func (a Answer) write(w http.ResponseWriter) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
}

func (p *Peer) keep(r Request) (place int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, r)
	if p.arrived != nil {
		p.arrived(r)
	}
	select {
	case p.received <- true:
	default:
	}
	return len(p.got) - 1
}

func (p *Peer) update(place int, r Request) {
	p.mu.Lock()
	if place < len(p.got) {
		p.got[place] = r
	}
	observe := p.observe
	p.mu.Unlock()
	if observe != nil {
		observe(r)
	}
}

// Got gives the requests so far.
func (p *Peer) Got() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// Received is sent to, without waiting, when a request comes in.
func (p *Peer) Received() <-chan bool { return p.received }

// Forget lets go of the requests so far.
func (p *Peer) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
}

// OnRequest has a function told of each request as it comes in.
func (p *Peer) OnRequest(f func(Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrived = f
}

// Observe has a function told of each request that is answered as the provider does.
func (p *Peer) Observe(f func(Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observe = f
}

// Script has the next requests answered in other ways, in order; the last way stays. Without any the provider answers.
func (p *Peer) Script(ways ...Way) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = slices.Clone(ways)
}

// Way is how a request is answered. It is false to leave it to the provider.
type Way = func(r Request, w http.ResponseWriter) bool

// Provider leaves a request to the provider.
func Provider(Request, http.ResponseWriter) bool { return false }

// With answers a status, with headers by name and value.
func With(status int, body string, header ...string) Way {
	return func(_ Request, w http.ResponseWriter) bool {
		a := Answer{Status: status, Body: body, Header: map[string]string{}}
		for i := 0; i+1 < len(header); i += 2 {
			a.Header[header[i]] = header[i+1]
		}
		a.write(w)
		return true
	}
}

// Reset cuts a request off: of HTTP/2 its stream, else its connection.
func Reset(Request, http.ResponseWriter) bool { panic(http.ErrAbortHandler) }

// Hang answers when done is closed, which no caller waits for.
func Hang(done <-chan struct{}) Way {
	return func(Request, http.ResponseWriter) bool {
		<-done
		return true
	}
}

// selfSigned makes a certificate for this machine's loopback addresses.
func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nudge push peer"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost", "api.push.apple.com", "fcm.googleapis.com"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	var ca bytes.Buffer
	err = pem.Encode(&ca, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca.Bytes(), err
}

// last is what stands behind the last slash of a path.
func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
