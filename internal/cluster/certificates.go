package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/culm-net/culm/transport"
)

// certificates are all files that TLS needs, so that they can be read again.
// Authorities are read again too, so that they can be exchanged.
type certificates struct {
	pairs       []*transport.Certificate
	authorities []*authorities
}

// authorities are the certificates of a PEM file.
type authorities struct {
	file string
	pool atomic.Pointer[x509.CertPool]
}

func (a *authorities) load() error {
	text, err := os.ReadFile(a.file)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("there is no certificate in %s", a.file)
	}
	a.pool.Store(pool)
	return nil
}

// pair reads a certificate and its key.
func (c *certificates) pair(certificate, key string) (*transport.Certificate, error) {
	pair, err := transport.LoadCertificate(certificate, key)
	if err == nil {
		c.pairs = append(c.pairs, pair)
	}
	return pair, err
}

func (c *certificates) authority(file string) (*authorities, error) {
	a := &authorities{file: file}
	if err := a.load(); err != nil {
		return nil, err
	}
	c.authorities = append(c.authorities, a)
	return a, nil
}

// server is how a listener speaks TLS, nil for nil.
func (c *certificates) server(t *TLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	pair, err := c.pair(t.Certificate, t.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{GetCertificate: pair.Get}
	if t.ClientCA == "" {
		return config, nil
	}
	ca, err := c.authority(t.ClientCA)
	if err != nil {
		return nil, err
	}
	mutual := func() *tls.Config {
		return &tls.Config{GetCertificate: pair.Get, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool.Load()}
	}
	config = mutual()
	// Each handshake asks for the authorities of now.
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return mutual(), nil }
	return config, nil
}

// client is how the link upwards speaks TLS, nil for nil. Its authorities are
// those of the start.
func (c *certificates) client(t *ConnectTLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	config := &tls.Config{ServerName: t.ServerName}
	if t.CA != "" {
		ca, err := c.authority(t.CA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = ca.pool.Load()
	}
	if t.Certificate != "" {
		pair, err := c.pair(t.Certificate, t.Key)
		if err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.Get(nil) }
	}
	return config, nil
}

// reload reads all files again. What cannot be used stays what it was.
func (c *certificates) reload() error {
	var errs []error
	for _, p := range c.pairs {
		errs = append(errs, p.Reload())
	}
	for _, a := range c.authorities {
		errs = append(errs, a.load())
	}
	return errors.Join(errs...)
}
