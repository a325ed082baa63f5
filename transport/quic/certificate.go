package quic

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/culm-net/culm/transport"
)

// Fingerprint is the SHA-256 of a certificate in DER, by which clients can
// know a server whose certificate nobody else has signed.
type Fingerprint [sha256.Size]byte

// String returns 64 lower-case hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// ParseFingerprint reads what String returns. It takes upper case, and colons
// between bytes as "openssl x509 -fingerprint -sha256" prints them, too.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if err != nil || len(b) != len(f) {
		return f, fmt.Errorf("quic: %q is no fingerprint; it is the 64 hexadecimal digits that the server prints at its start", s)
	}
	copy(f[:], b)
	return f, nil
}

// FingerprintOf returns the fingerprint of a certificate: that of the first in
// its chain.
func FingerprintOf(cert *tls.Certificate) Fingerprint {
	if len(cert.Certificate) == 0 {
		return Fingerprint{}
	}
	return sha256.Sum256(cert.Certificate[0])
}

// Certificate is a [transport.Certificate] with a fingerprint.
type Certificate struct{ *transport.Certificate }

// LoadCertificate reads a certificate chain and its private key from two PEM
// files.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c, err := transport.LoadCertificate(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return &Certificate{c}, nil
}

// Fingerprint returns the fingerprint of the certificate of now.
func (c *Certificate) Fingerprint() Fingerprint {
	now, _ := c.Get(nil) // which never fails
	return FingerprintOf(now)
}

// selfSignedFor is for how long a self-signed certificate is valid. It is not
// kept, so this must only be longer than a server runs.
const selfSignedFor = 10 * 365 * 24 * time.Hour

// SelfSigned makes a new key and a certificate for it that nobody else signs,
// for the given host names and IP addresses. Clients that pin its fingerprint
// do not look at these. Neither is stored: the next start makes others.
func SelfSigned(hosts ...string) (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("quic: making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("quic: making a certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "culm"},
		NotBefore:             now.Add(-24 * time.Hour), // clocks of clients may be slow
		NotAfter:              now.Add(selfSignedFor),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host != "" {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("quic: making a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("quic: making a certificate: %w", err)
	}
	return &Certificate{transport.NewCertificate(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf})}, nil
}
