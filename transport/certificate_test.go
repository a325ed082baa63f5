package transport

import (
	"crypto/tls"
	"testing"
)

// How one that is in files is exchanged is tested where handshakes use it.
func TestCertificateInNoFile(t *testing.T) {
	pair := new(tls.Certificate)
	c := NewCertificate(pair)
	if err := c.Reload(); err != nil {
		t.Error(err)
	}
	if got, err := c.Get(nil); got != pair || err != nil {
		t.Errorf("%p, %v", got, err)
	}
	if c, err := LoadCertificate("", ""); err == nil {
		t.Errorf("without files: %v", c)
	}
}
