package memory_test

import (
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/transport/transporttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func contract(t *testing.T, cfg memory.Config, lossy bool) {
	transporttest.Run(t, func(t *testing.T) transporttest.Network {
		n := memory.New(cfg)
		l, err := n.Listen("server")
		if err != nil {
			t.Fatal(err)
		}
		return transporttest.Network{
			Listener: l,
			Dial: func(h transport.Handler) (transport.Conn, error) {
				c, err := n.Dial("server", h)
				if err != nil {
					return nil, err
				}
				return c, nil
			},
			Step:      func() { n.Step(time.Millisecond) },
			Now:       n.Now,
			SendQueue: cfg.SendQueue,
			Codes:     true,
			Delivered: true,
			Lossy:     lossy,
		}
	})
}

func TestContractPerfect(t *testing.T) {
	contract(t, memory.Config{SendQueue: 200_000}, false)
}

func TestContractBad(t *testing.T) {
	link := memory.Link{
		Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond,
		Loss: 0.1, Duplicate: 0.05, Reorder: 0.1, Bandwidth: 2 << 20,
	}
	contract(t, memory.Config{Seed: 1, Up: link, Down: link, SendQueue: 200_000, Window: 50_000}, true)
}
