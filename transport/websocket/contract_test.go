package websocket_test

import (
	"context"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/transporttest"
	"github.com/culm-net/culm/transport/websocket"
	"go.uber.org/goleak"
)

// net/http waits for half a second after a request that it has refused.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const queue = 256 << 10

func TestContract(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Network {
		return network(t, "ws://", tcp.Config{SendQueue: queue}, tcp.Config{SendQueue: queue})
	})
}

func network(t *testing.T, scheme string, server, client tcp.Config) transporttest.Network {
	l, err := websocket.Listen("127.0.0.1:0", websocket.Config{Conn: server})
	if err != nil {
		t.Fatal(err)
	}
	return transporttest.Network{
		Listener: l,
		Dial: func(h transport.Handler) (transport.Conn, error) {
			c, err := websocket.Dial(context.Background(), scheme+l.Addr().String()+"/", client, h)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		SendQueue: queue,
		Stream:    true,
	}
}
