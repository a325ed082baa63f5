package websocket_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/transporttest"
	"github.com/culm-net/culm/transport/websocket"
)

func contract(t *testing.T, scheme string, server, client websocket.Config) {
	queue := max(256<<10, 4*server.MaxMessage)
	server.SendQueue, client.SendQueue = queue, queue
	transporttest.Run(t, func(t *testing.T) transporttest.Network {
		l, err := websocket.Listen("127.0.0.1:0", server)
		if err != nil {
			t.Fatal(err)
		}
		return transporttest.Network{
			Listener: l,
			Dial: func(h transport.Handler) (transport.Conn, error) {
				c, err := websocket.Dial(context.Background(), scheme+"://"+l.Addr().String()+server.Path, client, h)
				if err != nil {
					return nil, err
				}
				return c, nil
			},
			SendQueue: queue,
			Codes:     true,
			MaxReason: websocket.MaxReason,
			Stream:    true,
		}
	})
}

func TestContract(t *testing.T) {
	contract(t, "ws", websocket.Config{}, websocket.Config{})
}

func TestContractLongMessages(t *testing.T) {
	c := websocket.Config{Path: "/deep/below", MaxMessage: 200_000}
	contract(t, "ws", c, c)
}

func TestContractTLS(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	contract(t, "wss",
		websocket.Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}},
		websocket.Config{TLS: &tls.Config{RootCAs: pool}})
}
