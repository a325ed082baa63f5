package pipes

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// benchConn is a client at the end of a network without cost, which copies
// messages and acknowledges parts after a while.
type benchConn struct {
	transport.Conn // nil
	addr           net.Addr

	mu    sync.Mutex
	queue [16 << 10]byte
	parts []uint32 // not acknowledged
	ticks []uint32 // the same of the plain dialect
	ack   wire.Ack
	buf   []byte
}

func (c *benchConn) Send(m transport.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	copy(c.queue[:], m.Data)
	switch wire.Type(binary.LittleEndian.Uint16(m.Data)) {
	case wire.ExtSnapshot:
		c.parts = append(c.parts, binary.LittleEndian.Uint32(m.Data[10:]))
	case wire.SVTick:
		c.ticks = append(c.ticks, binary.LittleEndian.Uint32(m.Data[2:]))
	}
	return nil
}

// received returns the acknowledgement of all that has come, or nil.
func (c *benchConn) received() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.parts) > 0:
		for _, p := range c.parts {
			c.ack.Add(p)
		}
		c.parts = c.parts[:0]
		c.buf, _ = c.ack.Append(c.buf[:0], 32)
		return c.buf
	case len(c.ticks) > 0:
		c.buf, _ = wire.TickAck{Tick: int32(c.ticks[len(c.ticks)-1])}.Append(c.buf[:0])
		c.ticks = c.ticks[:0]
		return c.buf
	}
	return nil
}

func (c *benchConn) Close(transport.Code, string) {}
func (c *benchConn) Flush()                       {}
func (c *benchConn) Budget() int                  { return 1 << 20 }
func (c *benchConn) MaxReliable() int             { return 65535 }
func (c *benchConn) MaxUnreliable() int           { return 1200 }
func (c *benchConn) Identity() transport.Identity { return transport.Identity{Addr: c.addr} }
func (c *benchConn) Hold(time.Duration)           {}

// benchClient is a client at the other end of a simulated network, which
// acknowledges what it gets.
type benchClient struct {
	hello, interest []byte
	benchConn       // for what it acknowledges
}

func (c *benchClient) Opened(conn transport.Conn) {
	_ = conn.Send(transport.Message{Data: c.hello})
	_ = conn.Send(transport.Message{Data: c.interest})
	conn.Flush()
}

func (c *benchClient) Received(conn transport.Conn, msgs [][]byte) {
	for _, b := range msgs {
		_ = c.Send(transport.Message{Data: b}) // notes the parts
	}
	if b := c.received(); b != nil {
		_ = conn.Send(transport.Message{Data: b, Mode: transport.Unreliable})
		conn.Flush()
	}
}

func (c *benchClient) Closed(transport.Conn, error) {}

// load is a server with clients in zones full of moving objects.
type load struct {
	world   *world.World
	server  *Server
	conns   []*benchConn
	net     *memory.Network // or nil
	objects []*world.Object
	now     time.Time
	start   time.Time
	ticks   int
	value   []byte
}

const (
	benchRate    = 66
	benchUpdates = 20
	benchZone    = 100 // objects in a zone, and clients
)

func newLoad(tb testing.TB, clients int, ext bool, network *memory.Network) *load {
	l := &load{net: network, now: time.Unix(1000, 0), value: make([]byte, 24)}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	schema := storySchema()
	pos := schema.Class("Avatar").FieldByName("pos")
	l.world = must(world.New(world.Config{
		Schema: schema, TickRate: benchRate, Log: quiet,
		Events: world.Events{Tick: func(tick uint32) {
			for i, o := range l.objects {
				for k := range 3 {
					binary.LittleEndian.PutUint64(l.value[8*k:], math.Float64bits(float64(tick)+float64(i*k)))
				}
				if err := o.SetPacked(pos, l.value); err != nil {
					tb.Error(err)
				}
			}
		}},
	}))
	l.server = must(NewServer(Config{World: l.world, MaxClients: clients, MaxPerAddress: -1, Log: quiet, SendRate: -1}))
	l.server.made = l.now
	l.server.now = func() time.Time { return l.now }
	l.start = l.now
	l.world.Step(l.now)
	hello := must(wire.Hello{
		DCHash: schema.Hash(), UpdateRate: benchUpdates, CommandRate: 100,
		Extension: wire.Extension{Present: ext, Features: wire.FeatureSnapshots * wire.Features(b2i(ext))},
	}.Append(nil))
	for range clients / benchZone {
		for range benchZone {
			o := must(l.world.Spawn(world.Spawn{Class: "Avatar", Zone: uint32(1 + len(l.objects)/benchZone)}))
			l.objects = append(l.objects, o)
		}
	}
	typ := wire.CLSetInterest
	if ext {
		typ = wire.ExtSetInterest
	}
	if l.net != nil {
		if err := must(l.net.Listen("bench")).Start(l.server); err != nil {
			tb.Fatal(err)
		}
	}
	for i := range clients {
		interest := must(wire.Interest{Type: typ, Handle: 1, Zones: []uint32{uint32(1 + i/benchZone)}}.Append(nil))
		if l.net != nil {
			must(l.net.Dial("bench", &benchClient{hello: hello, interest: interest}))
		} else {
			c := &benchConn{addr: &net.TCPAddr{IP: net.IPv4(10, 0, byte(i>>8), byte(i)), Port: 1}}
			l.conns = append(l.conns, c)
			l.server.Opened(c)
			l.server.Received(c, [][]byte{hello, interest})
		}
		if i%10 == 9 {
			l.tick() // so that not all are due at once
		}
	}
	for range 3 * benchRate {
		l.tick()
	}
	return l
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tick lets clients acknowledge what they got, and the world do a tick, which is
// what the result measures.
func (l *load) tick() time.Duration {
	l.ticks++
	l.now = l.start.Add(time.Duration(float64(l.ticks) / benchRate * float64(time.Second)))
	if l.net != nil {
		l.net.Advance(l.now.Sub(l.start))
	}
	for i, c := range l.conns {
		if (i+l.ticks)%3 == 0 {
			if b := c.received(); b != nil {
				l.server.Received(c, [][]byte{b})
			}
		}
	}
	begun := time.Now()
	l.world.Step(l.now)
	return time.Since(begun)
}

// BenchmarkThousandClients is a server with 1,000 clients that get 20 snapshots
// per second of 100 objects each, all moving in each of 66 ticks per second. A
// tick has 15.2 ms; what the world and the server need of it is ms/tick, while
// ns/op is with the network and the clients.
func BenchmarkThousandClients(b *testing.B) {
	link := memory.Link{Latency: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01}
	for _, network := range []string{"none", "memory"} {
		for _, ext := range []bool{true, false} {
			b.Run(fmt.Sprintf("network=%s/extension=%v", network, ext), func(b *testing.B) {
				var net *memory.Network
				if network == "memory" {
					net = memory.New(memory.Config{Seed: 1, Up: link, Down: link})
				}
				l := newLoad(b, 1000, ext, net)
				var took []time.Duration
				before := l.server.Stats()
				b.ReportAllocs()
				for b.Loop() {
					took = append(took, l.tick())
				}
				after := l.server.Stats()
				slices.Sort(took)
				for _, p := range []struct {
					unit string
					of   float64
				}{{"p50-ms/tick", 0.5}, {"p99-ms/tick", 0.99}, {"max-ms/tick", 1}} {
					b.ReportMetric(took[min(int(p.of*float64(len(took))), len(took)-1)].Seconds()*1000, p.unit)
				}
				b.ReportMetric(float64(after.Snapshots-before.Snapshots)/float64(len(took))*benchRate/1000, "snapshots/s/client")
			})
		}
	}
}

// BenchmarkClientMemory tells what a client with 100 objects in view takes, beside
// its connection.
func BenchmarkClientMemory(b *testing.B) {
	for _, ext := range []bool{true, false} {
		b.Run(fmt.Sprintf("extension=%v", ext), func(b *testing.B) {
			for b.Loop() {
				one := heapOf(func() any { return newLoad(b, 100, ext, nil) })
				many := heapOf(func() any { return newLoad(b, 1100, ext, nil) })
				// Connections of the benchmark and objects are counted off.
				rest := heapOf(func() any { return make([]benchConn, 1000) }) + heapOf(func() any {
					l := newLoad(b, 0, ext, nil)
					for range 1000 {
						must(l.world.Spawn(world.Spawn{Class: "Avatar", Zone: 1}))
					}
					return l
				})
				b.ReportMetric((many-one-rest)/1000, "B/client")
			}
		})
	}
}

// heapOf is how many bytes what f makes has on the heap.
func heapOf(f func() any) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := f()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(v)
	return float64(after.HeapAlloc) - float64(before.HeapAlloc)
}
