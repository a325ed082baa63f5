package quic

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
)

// What Dial can answer, besides [ErrFingerprint] and errors of the network.
var (
	// ErrRefused: the server is there, but lets nobody in at the moment.
	ErrRefused = errors.New("the server refuses connections")
	// ErrNoAnswer: nothing came back.
	ErrNoAnswer = errors.New("no answer")
	// ErrOtherProtocol: the server speaks QUIC, but not [ALPN].
	ErrOtherProtocol = errors.New("the server does not speak " + ALPN)
	// ErrCertificate: the server's certificate could not be verified. It is
	// transport.ErrUntrusted too.
	ErrCertificate error = untrusted("the server's certificate is not trusted")
)

// A server under a burst of dials refuses what it cannot accept fast enough.
const (
	maxTries   = 6
	firstPause = 50 * time.Millisecond // doubles, and a random part is left out
)

// Dial connects to a UDP address such as "play.example.org:27016"; without a
// port it is [DefaultPort]. What then happens on the connection goes to h, on
// another goroutine; Opened may be called before or after Dial returns. Dial
// returns when the server has accepted the connection. If the server refuses,
// it tries again a few times; if it closes the connection at once, Dial may
// answer [ErrRefused] with the *[transport.CloseError] in it. ctx bounds the
// dialing only, and so does Config.HandshakeTimeout. Of the addresses that a
// name has, the first one that answers is taken.
func Dial(ctx context.Context, addr string, cfg Config, h transport.Handler) (*Conn, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = strings.Trim(addr, "[]"), strconv.Itoa(DefaultPort)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, full.HandshakeTimeout)
	defer cancel()
	udpPort, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, fmt.Errorf("quic: %w", err)
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("quic: %w", err)
	}
	addrs := make([]*net.UDPAddr, len(ips))
	for i, ip := range ips {
		addrs[i] = &net.UDPAddr{IP: ip.IP, Zone: ip.Zone, Port: udpPort}
	}
	d, err := dialAny(ctx, addrs, full.clientTLS(host), &full)
	if err != nil {
		return nil, fmt.Errorf("quic: dialing %s: %w", addr, explainDial(err, time.Since(began)))
	}
	go d.conn.run(h, d.in)
	return d.conn, nil
}

// dialed is a connection that the server has accepted, with the stream of the
// server's reliable messages.
type dialed struct {
	conn *Conn
	in   *quic.ReceiveStream
}

// stagger is how much later each further address of a name is tried, since
// where an address does not work, nothing comes back that says so.
const stagger = 250 * time.Millisecond

// dialAny returns the first connection that can be had, or an error of the
// first address that is not just silent.
func dialAny(ctx context.Context, addrs []*net.UDPAddr, t *tls.Config, cfg *Config) (*dialed, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	got := make([]*dialed, len(addrs))
	errs := make([]error, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() {
			if i > 0 {
				select {
				case <-time.After(time.Duration(i) * stagger):
				case <-ctx.Done():
					errs[i] = ctx.Err()
					return
				}
			}
			if got[i], errs[i] = dialAddr(ctx, addr, t, cfg); errs[i] == nil {
				cancel()
			}
		})
	}
	wg.Wait()
	var first *dialed
	for _, d := range got {
		switch {
		case d == nil:
		case first == nil:
			first = d
		default: // one too many
			_ = d.conn.q.CloseWithError(quic.ApplicationErrorCode(transport.CodeNormal), "")
			d.conn.socket.release()
		}
	}
	if first != nil {
		return first, nil
	}
	for _, err := range errs {
		if !isSilence(err) {
			return nil, err
		}
	}
	return nil, errs[0]
}

// dialAddr dials until the server has accepted the connection, or refused it
// too often.
func dialAddr(ctx context.Context, addr *net.UDPAddr, t *tls.Config, cfg *Config) (*dialed, error) {
	network := "udp6"
	if addr.IP.To4() != nil {
		network = "udp4"
	}
	s, err := openSocket(network, nil, cfg.Log)
	if err != nil {
		return nil, err
	}
	pause := firstPause
	for try := 1; ; try++ {
		d, err := dialOnce(ctx, s, addr, t, cfg)
		if err == nil {
			return d, nil
		}
		if !isRefused(err) || try == maxTries {
			s.release()
			return nil, err
		}
		select {
		case <-time.After(pause - rand.N(pause/2)):
			pause *= 2
		case <-ctx.Done():
			s.release()
			return nil, err
		}
	}
}

func dialOnce(ctx context.Context, s *socket, addr *net.UDPAddr, t *tls.Config, cfg *Config) (*dialed, error) {
	q, err := s.tr.Dial(ctx, addr, t, cfg.quicConfig(true))
	if err != nil {
		return nil, err
	}
	c := newConn(cfg, q, s, false)
	in, err := awaitWelcome(ctx, q)
	if err == nil {
		err = c.open()
	}
	if err != nil {
		_ = q.CloseWithError(quic.ApplicationErrorCode(transport.CodeProtocol), "no welcome")
		return nil, err
	}
	s.udp.settled.Store(true)
	return &dialed{c, in}, nil
}

var errNoWelcome = errors.New("the server does not say welcome")

// awaitWelcome returns when the server has accepted the connection: the
// handshake is complete before that is decided.
func awaitWelcome(ctx context.Context, q *quic.Conn) (*quic.ReceiveStream, error) {
	in, err := q.AcceptUniStream(ctx)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = in.SetReadDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { in.CancelRead(0) })
	got := make([]byte, len(welcome))
	if _, err := io.ReadFull(in, got); err != nil {
		if !stop() {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if !bytes.Equal(got, welcome) {
		return nil, errNoWelcome
	}
	_ = in.SetReadDeadline(time.Time{})
	return in, nil
}

// isSilence reports whether err says that nothing came back.
func isSilence(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

func isRefused(err error) bool {
	var tr *quic.TransportError
	return errors.As(err, &tr) && tr.Remote && tr.ErrorCode == quic.ConnectionRefused
}

// noApplicationProtocol is TLS' alert (RFC 7301 section 3.2) as a QUIC error.
const noApplicationProtocol quic.TransportErrorCode = 0x100 + 120

// explainDial makes of an error, after so long, one that says what to do.
func explainDial(err error, after time.Duration) error {
	var (
		tr      *quic.TransportError
		app     *quic.ApplicationError
		version *quic.VersionNegotiationError
		invalid *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, ErrFingerprint):
		return fmt.Errorf("%w; if the server has got a new certificate, ask its operator for the new fingerprint, else somebody may be pretending to be it", pinError(err))
	case errors.As(err, &invalid):
		return fmt.Errorf("%w: %w; pin the fingerprint that the server prints at its start, or ask its operator for a certificate of this name from a known authority", ErrCertificate, certificateError(invalid))
	case isRefused(err):
		return fmt.Errorf("%w: it is busy, or sees too many from this address; try again later", ErrRefused)
	case errors.As(err, &tr) && tr.ErrorCode == noApplicationProtocol:
		return fmt.Errorf("%w: it is another program, or another version of it", ErrOtherProtocol)
	case errors.As(err, &version):
		return fmt.Errorf("%w: %w", ErrOtherProtocol, err)
	case errors.As(err, &app):
		return fmt.Errorf("%w: %w", ErrRefused, explain(err))
	case errors.As(err, &tr) && tr.Remote:
		return explain(err)
	case isSilence(err):
		return fmt.Errorf("%w within %v: is the server running, and does each firewall on the way let its UDP port through?", ErrNoAnswer, after.Round(10*time.Millisecond))
	}
	return err
}

// pinError is what verifyPin has answered, without what was put around it.
func pinError(err error) error {
	var pin *pinMismatch
	if errors.As(err, &pin) {
		return pin
	}
	return ErrFingerprint
}

func certificateError(err *tls.CertificateVerificationError) error {
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return errors.New("nobody known here has signed it")
	}
	// It may quote the certificate, in which anything may stand.
	return errors.New(transport.CutReason(err.Err.Error()))
}
