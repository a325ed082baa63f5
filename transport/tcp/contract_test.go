package tcp_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/transporttest"
)

const queue = 256 << 10

func contract(t *testing.T, server, client tcp.Config) {
	server.SendQueue, client.SendQueue = queue, queue
	transporttest.Run(t, func(t *testing.T) transporttest.Network {
		l, err := tcp.Listen("127.0.0.1:0", server)
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
	pair, pool := tcp.SelfSigned(t)
	contract(t,
		tcp.Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}},
		tcp.Config{TLS: &tls.Config{RootCAs: pool}})
}
