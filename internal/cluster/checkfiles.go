package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// CheckFiles checks that the files that the configuration names can be read,
// and are what they should be. It returns all faults at once, as [Errors], by
// line. What is in DC files is for package dc to say.
func (c *Config) CheckFiles() error {
	k := checker{c: c}
	for i, path := range c.General.DCFiles {
		k.readable(fmt.Sprintf("general.dc_files[%d]", i), path)
	}
	k.tls("messagedirector.tls", c.MessageDirector.TLS)
	if t := c.MessageDirector.ConnectTLS; t != nil {
		const section = "messagedirector.connect_tls"
		k.authorities(join(section, "ca"), t.CA)
		k.certificate(section, t.Certificate, t.Key)
	}
	for i, r := range c.Roles {
		if a := r.ClientAgent; a != nil {
			path := fmt.Sprintf("roles[%d]", i)
			k.tls(join(path, "tls"), a.TLS)
			if a.WebSocket != nil {
				k.tls(join(path, "websocket.tls"), a.WebSocket.TLS)
			}
		}
	}
	return k.faults.err()
}

// readable returns what is in a file.
func (k *checker) readable(path, file string) ([]byte, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		k.fault(path, "%v", err)
	}
	return text, err == nil
}

func (k *checker) tls(path string, t *TLS) {
	if t != nil {
		k.certificate(path, t.Certificate, t.Key)
		k.authorities(join(path, "client_ca"), t.ClientCA)
	}
}

// certificate checks a certificate and its key, unless there is none.
func (k *checker) certificate(section, certificate, key string) {
	if certificate == "" && key == "" {
		return
	}
	cert, ok := k.readable(join(section, "certificate"), certificate)
	secret, ok2 := k.readable(join(section, "key"), key)
	if !ok || !ok2 {
		return
	}
	if _, err := tls.X509KeyPair(cert, secret); err != nil {
		k.fault(section, "%s and %s are not a certificate and its key: %v", certificate, key, err)
	}
}

// authorities checks a file of certificates, unless there is none.
func (k *checker) authorities(path, file string) {
	if file == "" {
		return
	}
	if text, ok := k.readable(path, file); ok && !x509.NewCertPool().AppendCertsFromPEM(text) {
		k.fault(path, "there is no certificate in %s", file)
	}
}
