package tcp_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/transporttest"
)

const queue = 256 << 10

func contract(t *testing.T, server, client tcp.Config) {
	contractOf(t, server, client, func(ln net.Listener) net.Listener { return ln })
}

func contractOf(t *testing.T, server, client tcp.Config, wrap func(net.Listener) net.Listener) {
	server.SendQueue, client.SendQueue = queue, queue
	transporttest.Run(t, func(t *testing.T) transporttest.Network {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := tcp.NewListener(wrap(ln), server)
		if err != nil {
			t.Fatal(err)
		}
		return transporttest.Network{
			Listener: l,
			Dial: func(h transport.Handler) (transport.Conn, error) {
				c, err := tcp.Dial(context.Background(), l.Addr().String(), client, h)
				if err != nil {
					return nil, err
				}
				return c, nil
			},
			SendQueue: queue,
			Stream:    true,
		}
	})
}

func TestContractPrefix16(t *testing.T) { contract(t, tcp.Config{}, tcp.Config{}) }

func TestContractPrefix32(t *testing.T) {
	c := tcp.Config{Framing: tcp.Prefix32, MaxMessage: 200_000}
	contract(t, c, c)
}

func TestContractTLS(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	contract(t,
		tcp.Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}},
		tcp.Config{TLS: &tls.Config{RootCAs: pool}})
}

// portable accepts connections that hide their sockets, as systems without
// writes that do not wait do.
type portable struct{ net.Listener }

type portableConn struct{ *net.TCPConn }

func (l portable) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return portableConn{c.(*net.TCPConn)}, nil
}

func TestContractPortable(t *testing.T) {
	contractOf(t, tcp.Config{}, tcp.Config{}, func(ln net.Listener) net.Listener { return portable{ln} })
}
