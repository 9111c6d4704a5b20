package nats_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/jetstream"
)

// A store is reached over TLS by servers that are trusted, and by no others.
func TestTLS(t *testing.T) {
	// Its certificate is one for 127.0.0.1.
	https := httptest.NewTLSServer(nil)
	defer https.Close()
	servers := runServer(t, &server.Options{TLS: true, TLSConfig: &tls.Config{Certificates: https.TLS.Certificates, MinVersion: tls.VersionTLS12}})
	o := options(strings.Replace(servers, "nats://", "tls://", 1))
	if _, err := jetstream.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(https.Certificate())
	o.TLS = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	if err := open(t, o).Add(t.Context(), deliverytest.Notification(0)); err != nil {
		t.Error(err)
	}
}
