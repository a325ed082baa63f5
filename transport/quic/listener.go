package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
)

// Listener accepts QUIC connections. It implements [transport.Listener].
type Listener struct {
	cfg        *Config
	socket     *socket
	ql         *quic.Listener
	tls        *tls.Config
	made       *Certificate // nil if the caller gave one
	handshakes *handshakes
	serving    atomic.Bool
	once       sync.Once

	accepted atomic.Uint64
	broken   atomic.Uint64
	open     atomic.Int64
	dropped  atomic.Uint64
}

var _ transport.Listener = (*Listener)(nil)

// connIDLength is how many bytes of each packet name its connection. With 4,
// quic-go's default, a server of thousands of clients, each with several names,
// would now and then give one twice. With less than 18 a packet that holds nothing
// but a ping's four bytes would be too short (42 bytes) for quic-go to answer it
// with a stateless reset, so that a client which only watches would not learn at
// once that the server has been restarted.
const connIDLength = 20

// Listen listens on the UDP address addr, for example ":27016" or
// "127.0.0.1:0". From then on the system keeps packets; Serve accepts
// connections.
func Listen(addr string, cfg Config) (*Listener, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	udpAddr, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("quic: %w", err)
	}
	host, _, _ := net.SplitHostPort(addr)
	tlsConfig, made, err := full.serverTLS(host)
	if err != nil {
		return nil, err
	}
	s, err := openSocket("udp", udpAddr, full.Log)
	if err != nil {
		return nil, fmt.Errorf("quic: %w", err)
	}
	s.udp.settled.Store(true)
	s.tr.ConnectionIDLength = connIDLength
	l := &Listener{cfg: &full, socket: s, tls: tlsConfig, made: made, handshakes: newHandshakes(&full)}
	s.tr.VerifySourceAddress = l.handshakes.mustProve
	s.tr.ConnContext = l.handshakes.begin
	if full.ResetKey != [32]byte{} {
		s.tr.StatelessResetKey = (*quic.StatelessResetKey)(&full.ResetKey)
	}
	if l.ql, err = s.tr.Listen(tlsConfig, full.quicConfig(false)); err != nil {
		s.release()
		return nil, fmt.Errorf("quic: %w", err)
	}
	return l, nil
}

// Fingerprint returns what clients can pin: the fingerprint of the certificate
// that was made at start, or of the one in Config.TLS that the listener uses
// when a client does not say which host it wants.
func (l *Listener) Fingerprint() (Fingerprint, error) {
	if l.made != nil {
		return l.made.Fingerprint(), nil
	}
	cert, err := currentCertificate(l.cfg.TLS)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("quic: the certificate: %w", err)
	}
	return FingerprintOf(cert), nil
}

func currentCertificate(t *tls.Config) (*tls.Certificate, error) {
	if t.GetCertificate != nil {
		cert, err := t.GetCertificate(&tls.ClientHelloInfo{
			SupportedVersions: []uint16{tls.VersionTLS13},
			SupportedProtos:   []string{ALPN},
		})
		if cert != nil || err != nil {
			return cert, err
		}
	}
	if len(t.Certificates) == 0 {
		return nil, errors.New("which one is used is decided for each client")
	}
	return &t.Certificates[0], nil
}

// Addr implements [transport.Listener].
func (l *Listener) Addr() net.Addr { return l.socket.udp.LocalAddr() }

// Close implements [transport.Listener]. Handshakes that are under way are
// refused. The socket stays until the last connection has closed; so long,
// who dials is told at once that nobody is let in.
func (l *Listener) Close() error {
	l.once.Do(func() {
		l.handshakes.close()
		_ = l.ql.Close()
		_, _ = l.socket.tr.Listen(l.tls, l.cfg.quicConfig(false)) // what says so
		l.socket.release()
	})
	return nil
}

// Serve implements [transport.Listener]. When ctx is done it closes the
// listener.
func (l *Listener) Serve(ctx context.Context, h transport.Handler) error {
	if !l.serving.CompareAndSwap(false, true) {
		return errors.New("quic: Serve was called before")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		// Its queue has 32 places, and what comes when it is full is refused:
		// nothing else may be done here.
		q, err := l.ql.Accept(ctx)
		switch {
		case err == nil:
			l.socket.use()
			go l.serve(q, h)
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			_ = l.Close()
			l.refuseRest()
			return nil
		default:
			return fmt.Errorf("quic: accepting connections: %w", err)
		}
	}
}

// refuseRest closes what was about to be accepted when the listener closed.
func (l *Listener) refuseRest() {
	for {
		q, err := l.ql.Accept(context.Background())
		if err != nil {
			return
		}
		_ = q.CloseWithError(quic.ApplicationErrorCode(transport.CodeShutdown), "the server is closing")
	}
}

// serve is the life of an accepted connection.
func (l *Listener) serve(q *quic.Conn, h transport.Handler) {
	settle(q.Context())
	c := newConn(l.cfg, q, l.socket, true)
	c.loose.sum = &l.dropped
	err := c.open()
	if err == nil {
		_, err = c.out.Write(welcome)
	}
	if err != nil {
		_ = q.CloseWithError(quic.ApplicationErrorCode(transport.CodeProtocol), err.Error())
		l.broken.Add(1)
		l.socket.release()
		return
	}
	l.accepted.Add(1)
	l.open.Add(1)
	c.run(h, nil)
	l.open.Add(-1)
	if c.cause.Code == transport.CodeProtocol && !c.cause.Remote {
		l.broken.Add(1)
	}
}

// Flush implements [transport.Listener]. Each connection that has something to
// send does so on goroutines of its own, and quic-go writes its packets with
// one system call for as many as are full; nothing here waits for a peer.
func (l *Listener) Flush(conns []transport.Conn) {
	for _, c := range conns {
		c.Flush()
	}
}

// Stats are counters of a listener, tagged as package console wants them.
type Stats struct {
	Open       int64  `metric:"connections" help:"Connections that are open."`
	Accepted   uint64 `metric:"accepted_total" help:"Connections that were accepted."`
	Broken     uint64 `metric:"broken_total" help:"Connections that were closed because the peer broke the protocol."`
	Dropped    uint64 `metric:"dropped_total" help:"Unreliable messages that were queued and not sent: a newer one took their place, or there was no room."`
	Handshakes int    `metric:"handshakes" help:"Handshakes that are under way."`
	Refused    uint64 `metric:"handshakes_refused_total" help:"Handshakes that were over a limit."`
	Retried    uint64 `metric:"handshakes_retried_total" help:"Peers that had to prove their address first."`
}

// Stats returns a snapshot of the listener's counters.
func (l *Listener) Stats() Stats {
	s := Stats{Open: l.open.Load(), Accepted: l.accepted.Load(), Broken: l.broken.Load(), Dropped: l.dropped.Load()}
	l.handshakes.mu.Lock()
	defer l.handshakes.mu.Unlock()
	s.Handshakes, s.Refused, s.Retried = l.handshakes.underWay, l.handshakes.refused, l.handshakes.retried
	return s
}
