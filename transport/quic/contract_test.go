package quic_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Network {
		const queue = 200_000
		cfg := quic.Config{MaxReliable: 100_000, SendQueue: queue, LooseQueue: queue / 4}
		l, err := quic.Listen("127.0.0.1:0", cfg)
		if err != nil {
			t.Fatal(err)
		}
		pin, err := l.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		client := cfg
		client.Pins = []quic.Fingerprint{pin}
		client.HandshakeTimeout = time.Second // of one who dials a listener that has closed
		return transporttest.Network{
			Listener: l,
			Dial: func(h transport.Handler) (transport.Conn, error) {
				c, err := quic.Dial(context.Background(), l.Addr().String(), client, h)
				if err != nil {
					return nil, err
				}
				return c, nil
			},
			SendQueue: queue + queue/4,
			Codes:     true,
			Lossy:     true,
		}
	})
}
