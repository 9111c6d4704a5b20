package interop

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/apns"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/message"
)

// apnsRequest is a request as node's server of HTTP/2 got it.
type apnsRequest struct {
	Method, Path, Scheme, Body string
	Headers                    map[string]string
}

// startNode starts node's APNs; requests are given as they come in.
func startNode(t *testing.T) (url string, roots *x509.CertPool, key *ecdsa.PrivateKey, requests <-chan apnsRequest) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node: make interop, which installs it, tries APNs against node's HTTP/2")
	}
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")}
	for i, block := range []*pem.Block{{Type: "PRIVATE KEY", Bytes: private}, {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(files[i], pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	peer := exec.Command(node, append([]string{"node/apnspeer.js"}, files...)...)
	peer.Stderr = os.Stderr
	out, err := peer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = peer.Process.Kill()
		_ = peer.Wait()
	})
	lines := bufio.NewReader(out)
	port, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan apnsRequest, 100)
	go func() {
		defer close(got)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			var r apnsRequest
			if json.Unmarshal([]byte(line), &r) == nil {
				got <- r
			}
		}
	}()
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(certificate)
	return "https://127.0.0.1:" + strings.TrimSpace(port), roots, key, got
}

// APNs speaks HTTP/2, and so does node, in an implementation of its own.
func TestAPNsOfNode(t *testing.T) {
	url, roots, key, requests := startNode(t)
	signer, err := apns.NewSigner(key, "ABC123DEFG", "DEF123GHIJ")
	if err != nil {
		t.Fatal(err)
	}
	words, err := message.ParseTemplate("", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := apns.New(apns.Config{Signer: signer, Topic: "com.example.app", Endpoint: url, Template: words, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(end string, ttl time.Duration) (delivery.Result, apnsRequest) {
		t.Helper()
		n := deliverytest.Notification(1)
		n.Created, n.TTL, n.Address = time.Now(), ttl, strings.Repeat("0", 62)+end
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if end == "06" {
			// It does not answer: the attempt ends with its time.
			ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
		}
		result := c.Deliver(ctx, delivery.Attempt{Notification: n, Number: 1, Remaining: ttl})
		select {
		case r := <-requests:
			return result, r
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: no request came in; %s because %q", end, result, result.Reason())
		}
		return result, apnsRequest{}
	}
	for end, want := range map[string]struct{ result, reason string }{
		"00": {"delivered", ""}, "01": {"gone", "APNs answered 410 Unregistered"}, "02": {"again", "APNs answered 503 ServiceUnavailable"},
		"03": {"again", "the server refused the stream"}, "04": {"again", ""}, "05": {"again", "the server reset the stream"}, "06": {"again", "no answer in time"},
	} {
		result, r := deliver(end, 150*time.Second)
		if result.String() != want.result || want.reason != "" && result.Reason() != want.reason {
			t.Errorf("%s: %s because %q, want %s because %q", end, result, result.Reason(), want.result, want.reason)
		}
		if r.Method != "POST" || r.Scheme != "https" || r.Headers["apns-priority"] != "10" || r.Headers["apns-topic"] != "com.example.app" || !strings.HasPrefix(r.Headers["authorization"], "bearer ") {
			t.Errorf("%s: got %+v", end, r)
		}
	}
	if result, r := deliver("00", 0); !result.Delivered() || r.Headers["apns-expiration"] != "0" {
		t.Errorf("%s because %q; apns-expiration: %q", result, result.Reason(), r.Headers["apns-expiration"])
	}
	select {
	case r := <-requests:
		t.Errorf("an attempt made two requests: %+v", r)
	default:
	}
}
