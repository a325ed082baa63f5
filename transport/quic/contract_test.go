package quic_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/internal/udplink"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) { contract(t, nil) }

// The contract holds on a bad network too.
func TestContractBad(t *testing.T) {
	contract(t, &udplink.Config{
		Loss: 0.05, Duplicate: 0.02, Reorder: 0.05,
		Latency: 3 * time.Millisecond, Jitter: 2 * time.Millisecond, Seed: 1,
	})
}

// contract runs the suite, with a link between if there is one.
func contract(t *testing.T, bad *udplink.Config) {
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
		addr := l.Addr().String()
		if bad != nil {
			link, err := udplink.New("127.0.0.1:0", addr, *bad)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = link.Close() })
			addr = link.Addr().String()
		}
		return transporttest.Network{
			Listener: l,
			Dial: func(h transport.Handler) (transport.Conn, error) {
				c, err := quic.Dial(context.Background(), addr, client, h)
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
