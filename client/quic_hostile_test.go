package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/world"
)

// intruder is a client that speaks QUIC as no honest one does.
type intruder struct {
	*quicgo.Conn
	port *port
	out  *quicgo.SendStream // of reliable messages
}

// port is the intruder's socket.
type port struct {
	net.PacketConn
	deaf atomic.Bool // what arrives is lost, so that nothing is acknowledged

	mu   sync.Mutex
	sent [][]byte
}

func (p *port) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := p.PacketConn.ReadFrom(b)
		if err != nil || !p.deaf.Load() {
			return n, from, err
		}
	}
}

func (p *port) WriteTo(b []byte, to net.Addr) (int, error) {
	p.mu.Lock()
	p.sent = append(p.sent, bytes.Clone(b))
	p.mu.Unlock()
	return p.PacketConn.WriteTo(b, to)
}

// recorded returns what was sent up to now.
func (p *port) recorded() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// dialRaw connects to the host, unless ctx ends before.
func (h *host) dialRaw(ctx context.Context, p *port, cfg quicgo.Config) (*quicgo.Conn, func(), error) {
	cfg.EnableDatagrams, cfg.MaxIncomingUniStreams = true, 100
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(h.t, err)
	p.PacketConn = udp
	tr := &quicgo.Transport{Conn: p}
	q, err := tr.Dial(ctx, h.listener.Addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{quic.ALPN}}, &cfg)
	return q, func() {
		_ = tr.Close()
		_ = udp.Close()
	}, err
}

// intrude lets an intruder into the world, where it sees zone 1.
func (h *host) intrude(cfg quicgo.Config) *intruder {
	h.t.Helper()
	i := &intruder{port: &port{}}
	var done func()
	var err error
	i.Conn, done, err = h.dialRaw(h.t.Context(), i.port, cfg)
	h.t.Cleanup(done)
	check(h.t, err)
	h.t.Cleanup(func() { _ = i.CloseWithError(0, "") })
	i.out, err = i.OpenUniStream()
	check(h.t, err)
	hello, err := wire.Hello{
		DCHash: schemaOf(h.t).Hash(), UpdateRate: 60, CommandRate: 100,
		Extension: wire.Extension{Present: true, Features: wire.FeatureSnapshots},
	}.Append(nil)
	check(h.t, err)
	interest, err := wire.Interest{Type: wire.ExtSetInterest, Handle: 1, Zones: []uint32{1}}.Append(nil)
	check(h.t, err)
	check(h.t, i.say(hello, interest))
	next(h.t, "the intruder joins", h.joined)
	return i
}

// say sends reliable messages.
func (i *intruder) say(msgs ...[]byte) error {
	for _, m := range msgs {
		if _, err := i.out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(m))), m...)); err != nil {
			return err
		}
	}
	return nil
}

// under makes a host whose world moves, and a client that must not notice what is
// done to the host.
func under(t *testing.T, c hostConfig) (*host, *guest) {
	t.Parallel()
	return beside(t, c)
}

// beside is under without other tests at the same time.
func beside(t *testing.T, c hostConfig) (*host, *guest) {
	past := newHistory(t, 5)
	more := c.tick
	c.tick = func(w *world.World, tick uint32) {
		past.tick(w, tick)
		if more != nil {
			more(w, tick)
		}
	}
	h := newHost(t, c)
	g := h.visit("", client.Config{UpdateRate: 60, Events: client.Events{Updated: func(o *client.Object, _ []int) { past.was(o) }}}, 1)
	next(t, "the honest client joins", h.joined)
	next(t, "the honest client connects", g.connected)
	g.goesOn(h)
	return h, g
}

// until waits until something is so, while the honest client is served.
func (g *guest) until(h *host, is func() bool) {
	g.t.Helper()
	for {
		g.goesOn(h)
		if is() {
			return
		}
	}
}

var pingMessage = wire.Ping{Type: wire.ExtPing, Number: 1}.Append(nil)

// TestRubbish sends what is nobody's to a serving world, and what was somebody's.
func TestRubbish(t *testing.T) {
	h, g := under(t, hostConfig{})
	i := h.intrude(quicgo.Config{})
	g.until(h, func() bool { return h.pipes.Stats().Received["CL_Hello"] >= 2 })
	_ = i.CloseWithError(0, "")
	g.until(h, func() bool { return h.pipes.Stats().Connections == 1 })
	before, recorded := h.pipes.Stats(), i.port.recorded()

	conn, err := net.Dial("udp", h.addr())
	check(t, err)
	defer conn.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 3000 {
		data := make([]byte, random.IntN(1500))
		for k := range data {
			data[k] = byte(random.Uint32())
		}
		switch n % 4 {
		case 0:
			data = recorded[random.IntN(len(recorded))]
		case 1:
			data = bytes.Clone(recorded[random.IntN(len(recorded))])
			data[random.IntN(len(data))]++
		case 2:
			data = make([]byte, 60_000) // more than a packet may have
		}
		_, _ = conn.Write(data)
		if n%500 == 0 {
			g.goesOn(h)
		}
	}
	g.goesOn(h)
	after := h.pipes.Stats()
	if after.Connected != 2 || after.Received["CL_Hello"] != before.Received["CL_Hello"] || ejected(after) > 0 {
		t.Errorf("%+v, before %+v", after, before)
	}
}

// TestUnfinished begins many handshakes and finishes none. There is room for who
// does.
func TestUnfinished(t *testing.T) {
	h, g := under(t, hostConfig{quic: quic.Config{RetryAbove: 10, MaxHandshakes: 40, HandshakeTimeout: time.Minute}})
	ctx, cancel := context.WithCancel(t.Context())
	var dialing sync.WaitGroup
	for range 60 {
		dialing.Go(func() {
			p := &port{}
			p.deaf.Store(true)
			_, done, _ := h.dialRaw(ctx, p, quicgo.Config{HandshakeIdleTimeout: time.Minute})
			done()
		})
	}
	g.until(h, func() bool { return h.listener.Stats().Retried > 0 })
	late := h.visit("", client.Config{}, 1)
	next(t, "a late client connects", late.connected)
	late.goesOn(h)
	g.goesOn(h)
	s := h.listener.Stats()
	cancel()
	dialing.Wait()
	if s.Handshakes > 12 || s.Accepted != 2 {
		t.Errorf("%+v", s)
	}
}

// TestNothingTaken plays with clients that take nothing of what the game sends
// reliably: one never acknowledges a packet but goes on sending, the other
// acknowledges and does not read. Their queues are bounded, and they are sent away.
func TestNothingTaken(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, h *host) *intruder{
		"acknowledges nothing": func(t *testing.T, h *host) *intruder {
			i := h.intrude(quicgo.Config{})
			i.port.deaf.Store(true)
			return i
		},
		"reads nothing": func(t *testing.T, h *host) *intruder {
			return h.intrude(quicgo.Config{InitialStreamReceiveWindow: 1000, MaxStreamReceiveWindow: 1000})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var herald *world.Object
			hint := []any{strings.Repeat("mind the gap ", 100)}
			h, g := under(t, hostConfig{
				quic:  quic.Config{MaxReliable: 16 << 10, SendQueue: 64 << 10, LooseQueue: 64 << 10, MaxUnreliable: 16 << 10, Linger: 50 * time.Millisecond},
				pipes: pipes.Config{SilentTimeout: -1},
				tick: func(w *world.World, tick uint32) {
					if herald == nil {
						var err error
						if herald, err = w.Spawn(world.Spawn{Class: "Avatar", Zone: 1}); err != nil {
							t.Error(err)
							return
						}
					}
					for c := range w.Clients() {
						if c.Knows(herald) {
							if err := herald.SendTo(c, "hint", hint...); err != nil {
								t.Error(err)
							}
						}
					}
				},
			})
			i := take(t, h)
			var sending sync.WaitGroup
			sending.Go(func() {
				for i.SendDatagram(pingMessage) == nil { // as fast as QUIC lets it
				}
			})
			g.until(h, func() bool { return h.pipes.Stats().Connections == 1 })
			g.until(h, func() bool { return h.listener.Stats().Open == 1 })
			if s := h.pipes.Stats(); s.Ejected["too_slow"] != 1 || ejected(s) != 1 {
				t.Errorf("%v", s.Ejected)
			}
			_ = i.CloseWithError(0, "")
			sending.Wait()
		})
	}
}

// TestTooLong sends messages that are longer than allowed, and says so or not.
func TestTooLong(t *testing.T) {
	for name, send := range map[string]func(i *intruder) error{
		"a reliable message": func(i *intruder) error {
			_, err := i.out.Write(binary.LittleEndian.AppendUint32(nil, 1<<31))
			return err
		},
		"an unreliable message": func(i *intruder) error {
			s, err := i.OpenUniStream()
			if err != nil {
				return err
			}
			_, err = s.Write(make([]byte, 20_001))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, g := under(t, hostConfig{quic: quic.Config{MaxReliable: 20_000, MaxUnreliable: 20_000}})
			i := h.intrude(quicgo.Config{})
			check(t, send(i))
			next(t, "the intruder's connection ends", i.Context().Done())
			g.until(h, func() bool { return h.listener.Stats().Broken == 1 && h.pipes.Stats().Connections == 1 })
			if s := h.pipes.Stats(); s.Ejected["protocol"] != 1 {
				t.Errorf("%v", s.Ejected)
			}
		})
	}
}

// TestThousandsOfStreams opens as many streams as there are to be had, leaves some
// open, and sends a message on each of thousands of others, which is more than the
// session's rate. How many a second get through is up to the machine: where that is
// not more than the rate, it is tried again with a lower one.
func TestThousandsOfStreams(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{1000, 500, 250, 125} { // an honest client sends less
		held := false
		t.Run(fmt.Sprintf("%g per second", rate), func(t *testing.T) { held = thousandsOfStreams(t, rate) })
		if held || t.Failed() {
			return
		}
	}
	t.Error("nobody was held")
}

// thousandsOfStreams tells whether the rate has held who sends.
func thousandsOfStreams(t *testing.T, rate float64) (held bool) {
	h, g := beside(t, hostConfig{quic: quic.Config{MaxStreams: 32}, pipes: pipes.Config{MessageRate: rate}})
	i := h.intrude(quicgo.Config{})
	for range 4 {
		s, err := i.OpenUniStream()
		check(t, err)
		_, err = s.Write(pingMessage)
		check(t, err)
	}
	streams := 0
	ctx, cancel := context.WithCancel(t.Context())
	var sending sync.WaitGroup
	sending.Go(func() {
		for ; ; streams++ {
			s, err := i.OpenUniStreamSync(ctx)
			if err != nil {
				return
			}
			if _, err = s.Write(pingMessage); err != nil {
				return
			}
			_ = s.Close()
		}
	})
	g.until(h, func() bool { return h.pipes.Stats().Received["Ext_Ping"] > 3000 })
	cancel()
	sending.Wait()
	g.goesOn(h)
	s := h.pipes.Stats()
	if streams < 2000 || ejected(s) > 0 || s.Connections != 2 {
		t.Errorf("%d streams, %+v", streams, s)
	}
	return s.Held > 0
}

// TestUnknownMessages sends messages that no session understands, on streams and as
// datagrams.
func TestUnknownMessages(t *testing.T) {
	h, g := under(t, hostConfig{quic: quic.Config{Linger: 50 * time.Millisecond}})
	i := h.intrude(quicgo.Config{})
	garbage := slices.Repeat([]byte{0xff}, 1000)
	check(t, i.SendDatagram(garbage))
	s, err := i.OpenUniStream()
	check(t, err)
	_, err = s.Write(garbage)
	check(t, err)
	_ = s.Close()
	check(t, i.say(garbage))
	g.until(h, func() bool { return h.pipes.Stats().Refused["unknown_type"] == 3 })
	check(t, i.say([]byte{7}))
	next(t, "the intruder's connection ends", i.Context().Done())
	g.until(h, func() bool { return h.pipes.Stats().Connections == 1 })
	if s := h.pipes.Stats(); s.Ejected["malformed"] != 1 {
		t.Errorf("%v", s.Ejected)
	}
}

// ejected counts the clients that a server disconnected, for whatever reason.
func ejected(s pipes.Stats) (n uint64) {
	for _, k := range s.Ejected {
		n += k
	}
	return n
}
