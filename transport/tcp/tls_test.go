package tcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
	"github.com/culm-net/culm/transport/transporttest"
)

func TestCertificateReload(t *testing.T) {
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if _, err := transport.LoadCertificate(certFile, keyFile); err == nil || !strings.Contains(err.Error(), certFile) {
		t.Errorf("without files: %v", err)
	}
	first, firstPool := transporttest.Certificate(t, t.Name())
	transporttest.WriteCertificate(t, first, certFile, keyFile)
	cert, err := transport.LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	h := newCollect(10)
	l := serve(t, Config{TLS: &tls.Config{GetCertificate: cert.Get}}, h)
	dial := func(pool *x509.CertPool) error {
		c, err := Dial(context.Background(), l.Addr().String(), Config{TLS: &tls.Config{RootCAs: pool}}, newCollect(1))
		if err == nil {
			<-h.opened
			c.Close(transport.CodeNormal, "")
			<-h.closed
		}
		return err
	}
	if err := dial(firstPool); err != nil {
		t.Errorf("with the first certificate: %v", err)
	}

	if err := os.WriteFile(certFile, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cert.Reload(); err == nil {
		t.Error("Reload took a broken file")
	}
	if err := dial(firstPool); err != nil {
		t.Errorf("after a Reload that failed: %v", err)
	}

	second, secondPool := transporttest.Certificate(t, t.Name())
	transporttest.WriteCertificate(t, second, certFile, keyFile)
	if err := cert.Reload(); err != nil {
		t.Errorf("Reload: %v", err)
	}
	if err := dial(secondPool); err != nil {
		t.Errorf("with the second certificate: %v", err)
	}
	if err := dial(firstPool); err == nil {
		t.Error("the first certificate is still in use")
	}
}

func TestIdentityOfClientCertificate(t *testing.T) {
	server, serverPool := transporttest.Certificate(t, t.Name())
	client, clientPool := transporttest.Certificate(t, t.Name())
	h := newCollect(1)
	l := serve(t, Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{server},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clientPool,
	}}, h)
	c, err := Dial(context.Background(), l.Addr().String(), Config{TLS: &tls.Config{
		RootCAs:      serverPool,
		Certificates: []tls.Certificate{client},
	}}, newCollect(1))
	if err != nil {
		t.Fatal(err)
	}
	if id := (<-h.opened).Identity(); !id.Secure || id.Name != "CN=TestIdentityOfClientCertificate" {
		t.Errorf("the client is %+v", id)
	}
	if id := c.Identity(); !id.Secure || id.Addr.String() != l.Addr().String() {
		t.Errorf("the server is %+v", id)
	}
	c.Close(transport.CodeNormal, "")
	<-h.closed
}

// measured is a connection that has pieces to read, and notes how large the
// buffers are that wait for them.
type measured struct {
	net.Conn
	pieces, waited []int
}

func (m *measured) Read(b []byte) (int, error) {
	m.waited = append(m.waited, len(b))
	n := min(m.pieces[0], len(b))
	copy(b[:n], bytes.Repeat([]byte{1}, n)) // messages of 257 bytes
	m.pieces = m.pieces[1:]
	return n, nil
}

// Over TLS a buffer waits with each connection. It is a large one only where
// the one before was not large enough, wherever the messages end.
func TestBufferThatWaits(t *testing.T) {
	for _, tt := range []struct {
		framing        Framing
		pieces, waited []int
	}{
		{NoPrefix, []int{10, 512, 20_000, 700, 10, 511, 1}, []int{512, 512, 16 << 10, 16 << 10, 512, 512, 512}},
		{Prefix16, []int{512, 700, 1}, []int{512, 16<<10 - (512 - 259), 512 - (253+700)%259}},
	} {
		cfg, err := Config{Framing: tt.framing, Linger: -1}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		wire, other := net.Pipe()
		m := &measured{Conn: wire, pieces: tt.pieces}
		c := newConn(&cfg, m, nil, proxy.OriginOf(m))
		for range tt.pieces {
			if err := c.read(); err != nil {
				t.Fatal(err)
			}
			c.deliver(newCollect(1), maxBatch)
		}
		if !slices.Equal(m.waited, tt.waited) {
			t.Errorf("framing %d: buffers of %v bytes waited, want %v", tt.framing, m.waited, tt.waited)
		}
		c.release()
		c.Close(transport.CodeNormal, "")
		_ = other.Close()
	}
}

// Whoever takes slowly what waits for it takes something all the same: over TLS
// too that is known before all of it is gone.
func TestLeftOverTLS(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	cfg, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	wire, other := net.Pipe()
	defer other.Close()
	c := newConn(&cfg, tls.Server(wire, &tls.Config{Certificates: []tls.Certificate{pair}}), nil, proxy.OriginOf(wire))
	peer := tls.Client(other, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	const size = 8 << 10
	message := make([]byte, size)
	for range 4 {
		if err := c.Send(transport.Message{Data: message, Shared: true}); err != nil {
			t.Fatal(err)
		}
	}
	c.Flush()
	if _, err := io.ReadFull(peer, make([]byte, 2+size+1)); err != nil { // and something of the next one
		t.Fatal(err)
	}
	if left := c.Stats().Left; left < 2+size {
		t.Errorf("%d bytes have left, %d were received", left, 2+size)
	}
	_ = other.Close()
	c.Close(transport.CodeNormal, "")
}

func TestListenerNeedsCertificate(t *testing.T) {
	if l, err := Listen("127.0.0.1:0", Config{TLS: new(tls.Config)}); err == nil {
		_ = l.Close()
		t.Error("every handshake of this listener would fail")
	}
	pair, _ := transporttest.Certificate(t, t.Name())
	for name, cfg := range map[string]*tls.Config{
		"Certificates":       {Certificates: []tls.Certificate{pair}},
		"GetCertificate":     {GetCertificate: new(transport.Certificate).Get},
		"GetConfigForClient": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }},
	} {
		l, err := Listen("127.0.0.1:0", Config{TLS: cfg})
		if err != nil {
			t.Errorf("with %s: %v", name, err)
			continue
		}
		_ = l.Close()
	}
}

// With TLS 1.3 a dialer learns only after its handshake that its certificate,
// or that it has none, is not accepted. It is the peer who has closed then.
func TestPeerRefusesCertificate(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	l := serve(t, Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
	}}, newCollect(1))
	h := newCollect(1)
	if _, err := Dial(context.Background(), l.Addr().String(), Config{TLS: &tls.Config{RootCAs: pool}}, h); err != nil {
		t.Fatal(err)
	}
	if got := closedFor(t, h.closed); !got.Remote || !strings.Contains(got.Error(), "certificate required") {
		t.Errorf("Closed with %v", got)
	}
}
