package transport

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// Certificate is a certificate with its key that can be exchanged while a
// listener uses it, on any transport that speaks TLS. Its methods may be called
// from any goroutine.
type Certificate struct {
	certFile, keyFile string
	fixed             bool // it is in no file
	current           atomic.Pointer[tls.Certificate]
}

// LoadCertificate reads a certificate chain and its private key from two PEM
// files.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// NewCertificate returns one that is in no file: it stays what it is.
func NewCertificate(pair *tls.Certificate) *Certificate {
	c := &Certificate{fixed: true}
	c.current.Store(pair)
	return c
}

// Reload reads the files again. Handshakes from now on use what they hold;
// when it cannot be used, the certificate stays what it was.
func (c *Certificate) Reload() error {
	if c.fixed {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("transport: certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// Get returns the certificate of now. It is made for tls.Config.GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
