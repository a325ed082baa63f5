package quic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/transporttest"
)

// dialFails dials and returns the error that must come.
func dialFails(t *testing.T, addr string, cfg Config) error {
	t.Helper()
	c, err := Dial(context.Background(), addr, cfg, newRecorder())
	if err == nil {
		c.Close(transport.CodeNormal, "")
		t.Fatal("Dial succeeds")
	}
	return err
}

// authority stores a certificate in two files and returns a pool that trusts
// it. Its name is that of the first file.
func authority(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	pair, pool := transporttest.Certificate(t, filepath.Base(certFile))
	transporttest.WriteCertificate(t, pair, certFile, keyFile)
	return pool
}

func TestCertificateErrorsSayWhatToDo(t *testing.T) {
	s := serve(t, Config{})
	addr := s.Addr().String()

	err := dialFails(t, addr, Config{Pins: []Fingerprint{{1}}})
	if !errors.Is(err, ErrFingerprint) || !strings.Contains(err.Error(), s.pin.String()) {
		t.Errorf("a wrong pin: %v", err)
	}
	err = dialFails(t, addr, Config{})
	if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("an unknown authority: %v", err)
	}
	t.Log(err)
	pool := authority(t, filepath.Join(t.TempDir(), "c"), filepath.Join(t.TempDir(), "k"))
	err = dialFails(t, addr, Config{TLS: &tls.Config{RootCAs: pool}})
	if !errors.Is(err, ErrCertificate) {
		t.Errorf("another authority: %v", err)
	}
	if len(s.opened) > 0 {
		t.Error("somebody was let in")
	}
	c, _ := s.dial(t, Config{Pins: []Fingerprint{{1}}}, "") // dial sets the right one
	if id := c.Identity(); !id.Secure || id.Name != "" {
		t.Errorf("the server is %+v", id)
	}
	h := newRecorder()
	c, err = Dial(context.Background(), addr, Config{Insecure: true}, h)
	if err != nil {
		t.Fatal(err)
	}
	c.Close(transport.CodeNormal, "")
	await(t, h.closed)
}

// Certificates in files are verified by roots and exchanged while the listener
// runs; clients may have certificates too.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := authority(t, certFile, keyFile)
	cert, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	clients := authority(t, filepath.Join(dir, "client"), filepath.Join(dir, "clientkey"))
	mine, err := LoadCertificate(filepath.Join(dir, "client"), filepath.Join(dir, "clientkey"))
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, Config{TLS: &tls.Config{GetCertificate: cert.Get, ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven}})
	try := func(roots *x509.CertPool) error {
		h := newRecorder()
		c, err := Dial(context.Background(), s.Addr().String(), Config{TLS: &tls.Config{
			RootCAs:              roots,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return mine.Get(nil) },
		}}, h)
		if err != nil {
			return err
		}
		if got := c.Identity().Name; got != "CN=cert.pem" {
			t.Errorf("the server is %q", got)
		}
		if got := await(t, s.opened).Identity().Name; got != "CN=client" {
			t.Errorf("the client is %q", got)
		}
		c.Close(transport.CodeNormal, "")
		await(t, h.closed)
		return nil
	}
	if err := try(first); err != nil {
		t.Fatal(err)
	}
	old := s.pin
	second := authority(t, certFile, keyFile)
	if err := cert.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := try(first); !errors.Is(err, ErrCertificate) {
		t.Errorf("the old certificate is still trusted: %v", err)
	}
	if err := try(second); err != nil {
		t.Error(err)
	}
	if now, err := s.Fingerprint(); err != nil || now == old || now != cert.Fingerprint() {
		t.Errorf("the fingerprint is %v, %v", now, err)
	}
	if err := os.WriteFile(keyFile, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cert.Reload(); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("Reload of a broken key: %v", err)
	}
	if err := try(second); err != nil {
		t.Errorf("after a failed Reload: %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	cert, err := SelfSigned("example.org")
	if err != nil {
		t.Fatal(err)
	}
	f := cert.Fingerprint()
	var colons []string
	for i := 0; i < len(f.String()); i += 2 {
		colons = append(colons, strings.ToUpper(f.String()[i:i+2]))
	}
	for _, s := range []string{f.String(), " " + f.String() + "\n", strings.Join(colons, ":")} {
		if got, err := ParseFingerprint(s); err != nil || got != f {
			t.Errorf("%q is %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "12", f.String() + "00", "z" + f.String()[1:]} {
		if got, err := ParseFingerprint(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
	if err := cert.Reload(); err != nil || cert.Fingerprint() != f {
		t.Errorf("Reload of what was made: %v", err)
	}
}

func TestOtherProtocol(t *testing.T) {
	cert, err := SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := quic.ListenAddr("127.0.0.1:0", &tls.Config{GetCertificate: cert.Get, NextProtos: []string{"h3"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := dialFails(t, l.Addr().String(), Config{Insecure: true}); !errors.Is(err, ErrOtherProtocol) {
		t.Error(err)
	}
}

// Where nobody answers, Dial says so when its time is over.
func TestNoAnswer(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	err = dialFails(t, silent.LocalAddr().String(), Config{Insecure: true, HandshakeTimeout: 100 * time.Millisecond})
	if !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "firewall") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Dial(ctx, silent.LocalAddr().String(), Config{Insecure: true}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
}

// A server that completes handshakes and then says nothing is no server.
func TestNoWelcome(t *testing.T) {
	cert, err := SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := quic.ListenAddr("127.0.0.1:0", &tls.Config{GetCertificate: cert.Get, NextProtos: []string{ALPN}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, say := range map[string]string{"nothing": "", "something else": "\xff\xff\xff\xfe hello"} {
		ctx, giveUp := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			q, err := l.Accept(ctx)
			if err == nil && say != "" {
				s, _ := q.OpenUniStream()
				_, err = s.Write([]byte(say))
			}
			done <- err
		}()
		within := time.Minute
		if say == "" {
			within = time.Second
		}
		err := dialFails(t, l.Addr().String(), Config{Insecure: true, HandshakeTimeout: within})
		giveUp() // on a handshake that took longer
		if want := ErrNoAnswer; say == "" && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if want := errNoWelcome; say != "" && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err := <-done; err != nil && (say != "" || !errors.Is(err, context.Canceled)) {
			t.Error(err)
		}
	}
}

// A burst of dials overflows quic-go's accept queue; dialers try again. All need
// their time on a slow machine: the server forgets handshakes that take too long,
// of which dialers may not hear.
func TestBurstOfDials(t *testing.T) {
	const n = 100
	s := serve(t, Config{HandshakeTimeout: time.Minute})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			h := newRecorder()
			c, err := Dial(context.Background(), s.Addr().String(), Config{Pins: []Fingerprint{s.pin}, HandshakeTimeout: time.Minute}, h)
			if err != nil {
				t.Error(err)
				return
			}
			send(t, c, transport.Reliable, 0, "here")
			c.Close(transport.CodeNormal, "")
			await(t, h.closed)
		})
	}
	wg.Wait()
	for range n {
		if got := await(t, s.msgs); got != "here" {
			t.Errorf("received %q", got)
		}
	}
	if st := s.Stats(); st.Accepted != n {
		t.Errorf("%d were accepted", st.Accepted)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{MaxReliable: -1}, {MaxReliable: 1 << 30}, {MaxUnreliable: 100}, {MaxUnreliable: 1 << 24}, {SendQueue: -1},
		{LooseQueue: -1}, {MaxStreams: 5000}, {MaxHandshakes: -1}, {IdleTimeout: -1}, {HandshakeTimeout: -1},
		{Insecure: true, Pins: []Fingerprint{{}}}, {TLS: &tls.Config{}},
	} {
		if l, err := Listen("127.0.0.1:0", c); err == nil {
			_ = l.Close()
			t.Errorf("%+v is taken", c)
		}
	}
	c, err := Config{MaxReliable: 4 << 20}.withDefaults()
	if err != nil || c.SendQueue < 4<<20+recordHeader || c.LooseQueue < c.MaxUnreliable+looseCost {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Dial(context.Background(), "127.0.0.1:1", Config{MaxStreams: -1}, nil); err == nil {
		t.Error("Dial takes a wrong configuration")
	}
	if _, err := Dial(context.Background(), "127.0.0.1:nonsense", Config{Insecure: true}, nil); err == nil {
		t.Error("Dial takes a wrong port")
	}
	if _, err := Listen("nonsense", Config{}); err == nil {
		t.Error("Listen takes a wrong address")
	}
}

// A listener that has closed while a connection lives on says so to who dials,
// and does not leave him waiting.
func TestClosedListenerRefuses(t *testing.T) {
	s := serve(t, Config{})
	c, ch := s.dial(t, Config{}, "")
	sc := await(t, s.opened)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := dialFails(t, s.Addr().String(), Config{Pins: []Fingerprint{s.pin}}); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	works(t, c, ch, sc, s.recorder)
	if len(s.opened) > 0 {
		t.Error("somebody was let in")
	}
}

// Of several addresses the one that works is taken, and of several errors the
// one that says most.
func TestManyAddresses(t *testing.T) {
	s := serve(t, Config{})
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	nobody, here := silent.LocalAddr().(*net.UDPAddr), s.Addr().(*net.UDPAddr)
	dial := func(within time.Duration, pin Fingerprint, addrs ...*net.UDPAddr) (*dialed, error) {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		cfg, err := Config{Pins: []Fingerprint{pin}}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		return dialAny(ctx, addrs, cfg.clientTLS("127.0.0.1"), &cfg)
	}
	for _, addrs := range [][]*net.UDPAddr{{nobody, here}, {here, nobody}, {here, here}} {
		d, err := dial(30*time.Second, s.pin, addrs...)
		if err != nil {
			t.Fatalf("%v: %v", addrs, err)
		}
		h := newRecorder()
		go d.conn.run(h, d.in)
		sc := await(t, s.opened)
		for sc.Identity().Addr.(*net.UDPAddr).Port != d.conn.socket.udp.LocalAddr().(*net.UDPAddr).Port {
			sc = await(t, s.opened) // that was one too many
		}
		works(t, d.conn, h, sc, s.recorder)
		d.conn.Close(transport.CodeNormal, "")
		await(t, h.closed)
		await(t, s.closed)
	}
	for within := time.Second; ; within *= 4 {
		_, err := dial(within, Fingerprint{}, nobody, here)
		if errors.Is(err, ErrFingerprint) {
			break
		}
		if !isSilence(err) || within > time.Minute {
			t.Fatalf("a wrong pin where another address is silent: %v", err)
		}
	}
	if _, err := dial(time.Second, s.pin, nobody); !isSilence(err) {
		t.Errorf("where nobody answers: %v", err)
	}
}

// A server that is full says so, whether Dial hears of it or the handler.
func TestRefusedInOpened(t *testing.T) {
	l, err := Listen("127.0.0.1:0", Config{})
	if err != nil {
		t.Fatal(err)
	}
	refuser := &refuser{newRecorder()}
	served := make(chan error, 1)
	go func() { served <- l.Serve(context.Background(), refuser) }()
	for range 20 {
		h := newRecorder()
		_, err := Dial(context.Background(), l.Addr().String(), Config{Insecure: true}, h)
		var got *transport.CloseError
		if err != nil {
			if !errors.Is(err, ErrRefused) || !errors.As(err, &got) {
				t.Fatal(err)
			}
		} else {
			got = await(t, h.closed)
		}
		if !got.Remote || got.Code != transport.CodeRefused || got.Reason != "full" {
			t.Errorf("the client is told: %v", got)
		}
		await(t, refuser.closed)
	}
	_ = l.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

type refuser struct{ *recorder }

func (h *refuser) Opened(c transport.Conn) { c.Close(transport.CodeRefused, "full") }
