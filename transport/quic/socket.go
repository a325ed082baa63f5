package quic

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// socket is a UDP socket with quic-go's reader of it. It is closed when all who
// use it have released it.
type socket struct {
	tr    *quic.Transport
	udp   *net.UDPConn
	users atomic.Int64
}

// openSocket returns a socket with one user.
func openSocket(network string, addr *net.UDPAddr, log *slog.Logger) (*socket, error) {
	udp, err := net.ListenUDP(network, addr)
	if err != nil {
		return nil, err
	}
	raiseBuffers(udp, log)
	s := &socket{udp: udp, tr: &quic.Transport{Conn: udp}}
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
