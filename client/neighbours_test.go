package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/world"
)

// villain is a hostile client on a real network: it sends what it is told to, and
// hears nothing but how it ends.
type villain struct {
	opened, closed chan struct{}
}

func newVillain() *villain {
	return &villain{make(chan struct{}), make(chan struct{})}
}

func (v *villain) Opened(transport.Conn)             { close(v.opened) }
func (v *villain) Received(transport.Conn, [][]byte) {}
func (v *villain) Closed(transport.Conn, error)      { close(v.closed) }

// misdeeds are what hostile clients send again and again once they are in, by
// name.
func misdeeds(schema *dc.Schema) map[string][][]byte {
	kick := schema.Class("Ball").FieldByName("kick")
	call := func(doID uint32, speed float64) []byte {
		return wire.ObjectMessage{DoID: doID, Field: uint16(kick.Number()), Args: sure(kick.Pack(nil, speed))}.Append(nil)
	}
	zones := func(t wire.Type, z ...uint32) []byte {
		return sure(wire.Interest{Type: t, Handle: 1, Zones: z}.Append(nil))
	}
	many := make([]uint32, 999)
	for i := range many {
		many[i] = uint32(i)
	}
	ack := func(last uint32) []byte {
		a := wire.Ack{Last: last, Mask: [4]uint64{math.MaxUint64, math.MaxUint64, 0xf0f0f0f0f0f0f0f0, math.MaxUint64}}
		return sure(a.Append(nil, wire.AckWindow))
	}
	return map[string][][]byte{
		"commands":          {call(1, 1), call(2, 1)},
		"foreign objects":   {call(0, 1), call(9999, 1), call(math.MaxUint32, 1)},
		"not finite":        {call(1, math.NaN()), call(1, math.Inf(-1))},
		"interest churn":    {zones(wire.ExtSetInterest, 1), zones(wire.ExtSetInterest)},
		"many zones":        {zones(wire.ExtSetInterest, many...), zones(wire.ExtRemoveInterest, many...)},
		"too many zones":    {zones(wire.ExtAddInterest, append(many, 1000, 1001)...)},
		"future acks":       {ack(1 << 30), ack(math.MaxUint32), ack(1)},
		"rates":             {sure(wire.Rates{Type: wire.ExtSetRates, Update: math.MaxUint16, Command: 1}.Append(nil)), sure(wire.Rates{Type: wire.ExtSetRates, Update: 1, Command: math.MaxUint16}.Append(nil))},
		"pings":             {wire.Ping{Type: wire.ExtPing, Number: 7}.Append(nil)},
		"unknown types":     {{0xff, 0xff}, {0x99, 0x43, 1, 2, 3}},
		"cut short":         {{0xb, 0, 1}},
		"a server's":        {wire.SVDeleteObject.Append(nil)},
		"hello again":       {sure(wire.Hello{UpdateRate: 1, CommandRate: 1}.Append(nil))},
		"plain messages":    {zones(wire.CLSetInterest, 1)},
		"long round trips":  {wire.InformPing{RTT: math.MaxUint32 * time.Millisecond}.Append(nil)},
		"proof of identity": {sure(wire.AuthenticateAnswer{Data: bytes.Repeat([]byte{7}, 60000)}.Append(nil))},
	}
}

// sure is for what cannot fail.
func sure[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestNeighbours plays beside clients that do all the server forbids, over real
// networks: whatever they do, the honest client stays connected, is served, and sees
// the world as it is; and nothing of them is left.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	cert, err := quic.SelfSigned("127.0.0.1")
	check(t, err)
	quicConfig := quic.Config{Pins: []quic.Fingerprint{cert.Fingerprint()}}
	for _, n := range []struct {
		name   string
		listen func() (transport.Listener, error)
		dial   func(ctx context.Context, addr string, h transport.Handler) (transport.Conn, error)
	}{
		{"tcp", func() (transport.Listener, error) { return tcp.Listen("127.0.0.1:0", tcp.Config{}) },
			func(ctx context.Context, addr string, h transport.Handler) (transport.Conn, error) {
				return tcp.Dial(ctx, addr, tcp.Config{}, h)
			}},
		{"quic", func() (transport.Listener, error) {
			return quic.Listen("127.0.0.1:0", quic.Config{TLS: &tls.Config{GetCertificate: cert.Get}})
		}, func(ctx context.Context, addr string, h transport.Handler) (transport.Conn, error) {
			return quic.Dial(ctx, addr, quicConfig, h)
		}},
	} {
		t.Run(n.name, func(t *testing.T) { neighbours(t, n.listen, n.dial) })
	}
}

func neighbours(t *testing.T, listen func() (transport.Listener, error), dial func(context.Context, string, transport.Handler) (transport.Conn, error)) {
	schema, quiet := schemaOf(t), slog.New(slog.DiscardHandler)
	var balls []*world.Object
	var ids []uint32
	x, moving := 0.0, true
	w := sure(world.New(world.Config{Schema: schema, Log: quiet, Events: world.Events{Tick: func(uint32) {
		if !moving {
			return
		}
		x++
		for _, b := range balls {
			check(t, b.Set("x", x))
		}
	}}}))
	for range 50 {
		balls = append(balls, sure(w.Spawn(world.Spawn{Class: "Ball", Zone: 1})))
		ids = append(ids, balls[len(balls)-1].ID())
	}
	server := sure(pipes.NewServer(pipes.Config{World: w, Log: quiet, MaxClients: 100, MaxPerAddress: -1}))
	l, err := listen()
	check(t, err)
	addr := l.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ticking, stopWorld := context.WithCancel(context.Background())
	served, ticked := make(chan error), make(chan error)
	go func() { served <- server.Serve(ctx, l) }()
	go func() { ticked <- w.Run(ticking) }()

	snapshots := make(chan uint32, 1)
	inFrame := func() {} // of the honest client's goroutine
	honest := sure(client.New(client.Config{
		Schema: schema, Log: quiet,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) { return dial(ctx, addr, h) },
		Events: client.Events{
			Lost:  func(err error, _ time.Duration) { t.Errorf("the honest client is lost: %v", err) },
			Frame: func(time.Time) { inFrame() },
			Snapshot: func(s client.Snapshot) {
				select {
				case snapshots <- s.Tick:
				default:
				}
			},
		},
	}))
	seen := make(chan struct{})
	honest.AddInterest(func() { close(seen) }, 1)
	playing, leave := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- honest.Run(playing) }()
	<-seen

	var villains sync.WaitGroup
	hello := sure(wire.Hello{
		DCHash: schema.Hash(), UpdateRate: 60, CommandRate: 100, Extension: wire.Extension{Present: true, Features: wire.FeatureSnapshots},
	}.Append(nil))
	enter := func() (*villain, transport.Conn) {
		for {
			v := newVillain()
			// A listener may refuse some of those that come all at once.
			if conn, err := dial(ctx, addr, v); err == nil {
				<-v.opened
				return v, conn
			}
		}
	}
	for _, msgs := range misdeeds(schema) {
		villains.Go(func() {
			v, conn := enter()
			_ = conn.Send(transport.Message{Data: hello})
			for range 1000 {
				for _, m := range msgs {
					if conn.Send(transport.Message{Data: m}) != nil {
						break // full, or closed
					}
				}
				conn.Flush()
			}
			conn.Close(transport.CodeNormal, "")
			<-v.closed
		})
	}
	for i := range 4 { // who come and go
		villains.Go(func() {
			for j := range 30 {
				v, conn := enter()
				if (i+j)%2 == 0 {
					_ = conn.Send(transport.Message{Data: hello})
					conn.Flush()
				}
				conn.Close(transport.CodeNormal, "")
				<-v.closed
			}
		})
	}
	if l.Addr().Network() == "tcp" { // who never reads
		for range 3 {
			villains.Go(func() { neverRead(t, addr, hello) })
		}
	}
	villains.Wait()

	// The honest client is still served: there are snapshots of later ticks.
	began := w.Stats().Tick
	for tick := range snapshots {
		if tick > began {
			break
		}
	}
	stopped := make(chan float64)
	w.Do(func() { moving = false; stopped <- x })
	want := <-stopped
	done := make(chan struct{})
	honest.Do(func() {
		inFrame = func() {
			for _, b := range ids {
				if o := honest.Object(b); o == nil || float(o, 0) != want {
					return
				}
			}
			inFrame = func() {}
			close(done)
		}
	})
	<-done
	for s := server.Stats(); s.Connections > 1; s = server.Stats() {
		<-snapshots // one after the other notices that its villain has gone
	}
	if s := server.Stats(); s.Connections != 1 {
		t.Errorf("%+v", s)
	}
	leave()
	check(t, <-ended)
	stop()
	check(t, <-served)
	stopWorld()
	check(t, <-ticked)
	t.Log(fmt.Sprint(server.Stats().Ejected, w.Stats().Slow, " slow ticks of ", w.Stats().Ticks))
}

// neverRead plays a client that takes nothing of what it is sent, until the server
// has closed the connection or it has sent a lot.
func neverRead(t *testing.T, addr string, hello []byte) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	send := func(m []byte) error {
		_, err := conn.Write(append([]byte{byte(len(m)), byte(len(m) >> 8)}, m...))
		return err
	}
	check(t, conn.(*net.TCPConn).SetReadBuffer(1))
	if send(hello) != nil {
		return
	}
	interest := sure(wire.Interest{Type: wire.ExtSetInterest, Handle: 1, Zones: []uint32{1}}.Append(nil))
	for range 200 {
		if send(interest) != nil {
			return
		}
	}
}
