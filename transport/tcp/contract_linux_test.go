package tcp_test

import (
	"net"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/transporttest"
)

// Pollers on both sides, with and without a pace.
func TestContractPolled(t *testing.T) {
	for name, cfg := range map[string]tcp.Config{
		"2":      {SendQueue: queue},
		"4":      {SendQueue: queue, Framing: tcp.Prefix32, MaxMessage: 200_000},
		"NoPace": {SendQueue: queue, Pace: -1},
		"Order":  {SendQueue: queue, Pace: -1, Order: new(tcp.Order)},
	} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(t *testing.T) transporttest.Network {
				l, err := tcp.Listen("127.0.0.1:0", cfg)
				if err != nil {
					t.Fatal(err)
				}
				return transporttest.Network{
					Listener: l,
					Dial: func(h transport.Handler) (transport.Conn, error) {
						return tcp.DialPolled(l.Addr().String(), cfg, h)
					},
					SendQueue: queue,
					Stream:    true,
				}
			})
		})
	}
}

// foreign accepts sockets that package net goes on to read.
type foreign struct{ net.Listener }

func TestContractGoroutines(t *testing.T) {
	contractOf(t, tcp.Config{}, tcp.Config{}, func(ln net.Listener) net.Listener { return foreign{ln} })
}
