package quic

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/culm-net/culm/transport"
)

// ErrFingerprint is in what Dial answers when the server has another
// certificate than those that Config.Pins names. It is transport.ErrUntrusted too.
var ErrFingerprint error = untrusted("the server's certificate is not the pinned one")

// untrusted is a transport.ErrUntrusted with a text of its own.
type untrusted string

func (e untrusted) Error() string { return string(e) }

func (e untrusted) Unwrap() error { return transport.ErrUntrusted }

// serverTLS returns the TLS configuration of a listener, and the certificate
// if one was made for it.
func (c *Config) serverTLS(host string) (*tls.Config, *Certificate, error) {
	t := &tls.Config{}
	if c.TLS != nil {
		t = c.TLS.Clone()
	}
	var made *Certificate
	switch {
	case c.TLS == nil:
		var err error
		if made, err = SelfSigned(host, "localhost", "127.0.0.1", "::1"); err != nil {
			return nil, nil, err
		}
		t.GetCertificate = made.Get
	case len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil:
		return nil, nil, errors.New("quic: a listener needs a certificate; set Certificates or GetCertificate in Config.TLS, or leave TLS out for a self-signed one")
	}
	c.ours(t)
	// Nobody resumes sessions, and tickets cost each handshake a packet.
	t.SessionTicketsDisabled = true
	return t, made, nil
}

func (c *Config) clientTLS(host string) *tls.Config {
	t := &tls.Config{}
	if c.TLS != nil {
		t = c.TLS.Clone()
	}
	c.ours(t)
	if t.ServerName == "" {
		t.ServerName = host
	}
	switch {
	case len(c.Pins) > 0:
		// crypto/tls still checks that the server has the certificate's key.
		t.InsecureSkipVerify = true
		t.VerifyConnection = func(s tls.ConnectionState) error { return verifyPin(s.PeerCertificates, c.Pins) }
	case c.Insecure:
		t.InsecureSkipVerify = true
	}
	return t
}

// ours sets what is not up to the caller.
func (c *Config) ours(t *tls.Config) {
	t.MinVersion = tls.VersionTLS13
	t.MaxVersion = 0
	t.NextProtos = []string{ALPN}
}

func verifyPin(chain []*x509.Certificate, pins []Fingerprint) error {
	if len(chain) == 0 {
		return &pinMismatch{}
	}
	got := Fingerprint(sha256.Sum256(chain[0].Raw))
	for i := range pins {
		if subtle.ConstantTimeCompare(got[:], pins[i][:]) == 1 {
			return nil
		}
	}
	return &pinMismatch{got}
}

// pinMismatch is ErrFingerprint with the fingerprint that the server has.
type pinMismatch struct{ got Fingerprint }

func (e *pinMismatch) Error() string { return fmt.Sprintf("%v: it has %v", ErrFingerprint, e.got) }

func (e *pinMismatch) Unwrap() error { return ErrFingerprint }
