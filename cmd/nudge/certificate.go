package main

import (
	"crypto/tls"
	"log/slog"
	"sync"
	"time"

	"github.com/nudgehq/nudge/internal/reload"
)

// certificateInterval is how often a handshake looks whether the certificate was renewed.
const certificateInterval = time.Second

// certificateFiles are a certificate and its key, which are read again when they change. A pair that does not fit, as while
// one is written after the other, is logged, and the last good one stays.
type certificateFiles struct {
	cert, key *reload.File[*[]byte]
	log       *slog.Logger

	mu     sync.Mutex
	looked time.Time
	// read is what current, or what was refused last, was made of.
	read    [2]*[]byte
	current *tls.Certificate
}

func openCertificate(certPath, keyPath string, log *slog.Logger) (*certificateFiles, error) {
	content := func(data []byte) (*[]byte, error) { return &data, nil }
	cert, err := reload.Open(certPath, log, content)
	if err != nil {
		return nil, err
	}
	key, err := reload.Open(keyPath, log, content)
	if err != nil {
		return nil, err
	}
	c := &certificateFiles{cert: cert, key: key, log: log, looked: time.Now()}
	c.read = [2]*[]byte{cert.Value(), key.Value()}
	pair, err := tls.X509KeyPair(*c.read[0], *c.read[1])
	if err != nil {
		return nil, err
	}
	c.current = &pair
	c.warn()
	return c, nil
}

// get is tls.Config's GetCertificate.
func (c *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= certificateInterval {
		c.look()
	}
	return c.current, nil
}

// refresh reads both files again.
func (c *certificateFiles) refresh() {
	c.cert.Refresh()
	c.key.Refresh()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look()
}

// look makes a pair of the files as they are now.
func (c *certificateFiles) look() {
	c.looked = time.Now()
	now := [2]*[]byte{c.cert.Value(), c.key.Value()}
	if now == c.read {
		return
	}
	c.read = now
	pair, err := tls.X509KeyPair(*now[0], *now[1])
	if err != nil {
		c.log.Error("certificate and key do not fit; the last good pair stays", slog.Any("error", err))
		return
	}
	c.current = &pair
	c.log.Info("the certificate was read again", slog.Time("expires", pair.Leaf.NotAfter))
	c.warn()
}

// warn says of a certificate that callers will refuse it.
func (c *certificateFiles) warn() {
	leaf := c.current.Leaf
	if now := time.Now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		c.log.Warn("the certificate is not valid now", slog.Time("from", leaf.NotBefore), slog.Time("to", leaf.NotAfter))
	}
}
