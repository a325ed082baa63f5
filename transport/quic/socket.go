package quic

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// socket is a UDP socket with quic-go's reader of it. It is closed when all who
// use it have released it.
type socket struct {
	tr    *quic.Transport
	udp   *tolerantConn
	users atomic.Int64
}

// tolerantConn is a UDP socket which, once settled, takes it for a lost packet
// when the system has no way for it just now. quic-go would close the
// connection, though the way may come back (a telephone between two networks, a
// full table of a firewall); if it does not, the idle timeout closes it.
type tolerantConn struct {
	*net.UDPConn
	settled atomic.Bool
}

// WriteMsgUDP is what quic-go sends with on most systems. It does not allocate,
// as that of net does.
func (c *tolerantConn) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	to := addr.AddrPort()
	n, oobn, err = c.WriteMsgUDPAddrPort(b, oob, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
	if c.tolerates(err) {
		return len(b), len(oob), nil
	}
	return n, oobn, err
}

// WriteTo is what quic-go sends with on the others.
func (c *tolerantConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.UDPConn.WriteTo(b, addr)
	if c.tolerates(err) {
		return len(b), nil
	}
	return n, err
}

func (c *tolerantConn) tolerates(err error) bool {
	return err != nil && c.settled.Load() && isPassing(err)
}

// openSocket returns a socket with one user.
func openSocket(network string, addr *net.UDPAddr, log *slog.Logger) (*socket, error) {
	udp, err := net.ListenUDP(network, addr)
	if err != nil {
		return nil, err
	}
	raiseBuffers(udp, log)
	conn := &tolerantConn{UDPConn: udp}
	s := &socket{udp: conn, tr: &quic.Transport{Conn: conn}}
	s.users.Store(1)
	return s, nil
}

// use adds a user. The caller knows of one.
func (s *socket) use() { s.users.Add(1) }

func (s *socket) release() {
	if s.users.Add(-1) == 0 {
		_ = s.tr.Close()
		_ = s.udp.Close()
	}
}

// wantedBuffer is how many bytes of packets the system should keep for a
// socket while the process is busy elsewhere; quic-go wants as many.
const wantedBuffer = 7 << 20

var warnOnce sync.Once

// raiseBuffers makes the system's buffers of a socket large enough, as far as
// it lets us. What it does not is logged once for the process, since each
// socket would fare the same.
func raiseBuffers(udp *net.UDPConn, log *slog.Logger) {
	// quic-go does the same and writes what it finds to package log.
	const quiet = "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING"
	if _, set := os.LookupEnv(quiet); !set {
		_ = os.Setenv(quiet, "true")
	}
	_ = udp.SetReadBuffer(wantedBuffer)
	_ = udp.SetWriteBuffer(wantedBuffer)
	if got, known := receiveBuffer(udp); known && got < wantedBuffer {
		warnOnce.Do(func() {
			log.Warn("the system limits the UDP receive buffer, so a busy server may lose packets; "+howToRaise,
				"bytes", got, "wanted", wantedBuffer)
		})
	}
}

var howToRaise = fmt.Sprintf("raise it with: sysctl -w net.core.rmem_max=%d net.core.wmem_max=%d", wantedBuffer, wantedBuffer)
