package clientagent

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// sink is a connection that forgets what it is sent.
type sink struct {
	transport.Conn
	addr net.TCPAddr
	n    int
}

func (s *sink) Send(transport.Message) error { s.n++; return nil }
func (s *sink) Close(transport.Code, string) {}
func (s *sink) Hold(time.Duration)           {}
func (s *sink) Budget() int                  { return 1 }
func (s *sink) Identity() transport.Identity { return transport.Identity{Addr: &s.addr} }

// stand is an agent whose clients are sinks that see object 201 at 1000/5.
type stand struct {
	d      *md.Director
	agent  *Agent
	door   *door
	server *peer
	conns  []*sink
	field  uint16
}

func newStand(b *testing.B, n int) *stand {
	c := testConfig(b)
	c.MaxChannel = 1 << 20
	s := &stand{d: md.New(md.Limits{})}
	a, err := New(s.d, c)
	if err != nil {
		b.Fatal(err)
	}
	s.agent, s.server = a, newPeer(s.d)
	s.door = a.newDoor(func([]transport.Conn) {})
	b.Cleanup(s.door.outlet.Close)
	s.field = uint16(c.Schema.Class("Avatar").FieldByName("setPos").Number())
	for i := range n {
		conn := &sink{addr: net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: i}}
		s.conns = append(s.conns, conn)
		s.door.Opened(conn)
		s.server.send(uint64(5000+i), md.ClientAgentAddInterest, func(w *datagram.Writer) {
			w.Uint16(1)
			w.Uint32(1000)
			w.Uint32(5)
		})
		s.server.send(uint64(5000+i), md.StateServerObjectGetZonesCountResp, func(w *datagram.Writer) {
			w.Uint32(2)
			w.Uint32(0)
		})
	}
	s.server.send(md.LocationChannel(1000, 5), md.StateServerObjectEnterLocationWithRequired, func(w *datagram.Writer) {
		w.Uint32(201)
		w.Uint32(1000)
		w.Uint32(5)
		w.Uint16(uint16(c.Schema.Class("Avatar").Number()))
		w.String("me")
		w.Uint32(0)
	})
	return s
}

// BenchmarkUpdate is a field update that n clients see, without the network.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newStand(b, n)
			var m md.Batch
			before := s.conns[0].n
			b.ReportAllocs()
			for b.Loop() {
				m.From(&s.server.Participant)
				w := m.Begin(md.StateServerObjectSetField, 1, md.LocationChannel(1000, 5))
				w.Uint32(201)
				w.Uint16(s.field)
				w.Uint32(7)
				_ = m.End()
				s.d.Post(&m)
			}
			if got := s.conns[0].n - before; got != b.N {
				b.Fatalf("%d updates of %d arrived", got, b.N)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}

// BenchmarkClientUpdate is an update of a client that is checked and passed on.
func BenchmarkClientUpdate(b *testing.B) {
	s := newStand(b, 1)
	uberdog := newPeer(s.d, 1234)
	s.door.Received(s.conns[0], [][]byte{hello()})
	var w datagram.Writer
	w.Uint16(uint16(ObjectSetField))
	w.Uint32(1234)
	w.Uint16(uint16(s.agent.settings.Schema.Class("Login").FieldByName("login").Number()))
	w.String("somebody")
	messages := [][]byte{w.Buf}
	b.ReportAllocs()
	for b.Loop() {
		s.door.Received(s.conns[0], messages)
		uberdog.in = uberdog.in[:0]
	}
}

// BenchmarkSession is a client that comes, says hello, gets an interest and
// goes, without the network.
func BenchmarkSession(b *testing.B) {
	s := newStand(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		conn := &sink{}
		s.door.Opened(conn)
		s.door.Received(conn, [][]byte{hello()})
		v, _ := s.agent.clients.Load(conn)
		c := v.(*client)
		s.d.Do(func() { c.addInterest(1, 1000, []uint32{5}, 1, 0) })
		s.door.Closed(conn, io.EOF)
	}
}

// BenchmarkInterest is the opening of an interest in a zone of 50 objects, up to
// what the client is told, and its closing.
func BenchmarkInterest(b *testing.B) {
	const objects = 50
	s := newStand(b, 1)
	v, _ := s.agent.clients.Load(s.conns[0])
	c := v.(*client)
	before := s.conns[0].n
	var m md.Batch
	b.ReportAllocs()
	for b.Loop() {
		s.d.Do(func() { c.addInterest(2, 1000, []uint32{6}, 1, 0) })
		m.From(&s.server.Participant)
		w := m.Begin(md.StateServerObjectGetZonesCountResp, 1, c.id)
		w.Uint32(c.context)
		w.Uint32(objects)
		_ = m.End()
		for i := range uint32(objects) {
			w := m.Begin(md.StateServerObjectEnterInterestWithRequired, 1, c.id)
			w.Uint32(c.context)
			w.Uint32(300 + i)
			w.Uint32(1000)
			w.Uint32(6)
			w.Uint16(uint16(s.agent.settings.Schema.Class("Avatar").Number()))
			w.String("somebody")
			w.Uint32(0)
			_ = m.End()
		}
		s.d.Post(&m)
		s.d.Do(func() { c.removeInterest(2, 1, 0) })
	}
	if got := s.conns[0].n - before; got != b.N*(2*objects+2) {
		b.Fatalf("%d messages for %d openings", got, b.N)
	}
}

// BenchmarkIdle is the memory of a client that has logged in over TCP and does
// nothing, buffers of the kernel not counted.
func BenchmarkIdle(b *testing.B) {
	c := testConfig(b)
	c.MaxChannel = 1 << 30
	d := md.New(md.Limits{})
	a, err := New(d, c)
	if err != nil {
		b.Fatal(err)
	}
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{Linger: -1, Pace: -1})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, l) }()
	server := newPeer(d)
	const n = 500
	var wires []net.Conn
	for b.Loop() {
		before := heap()
		for range n {
			wire, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			wires = append(wires, wire)
			write(wire, hello())
			if _, err := io.ReadFull(wire, make([]byte, 4)); err != nil {
				b.Fatal(err)
			}
		}
		server.send(md.AllClients, md.ClientAgentAddInterest, func(w *datagram.Writer) {
			w.Uint16(1)
			w.Uint32(1000)
			w.Uint32(5)
		})
		d.Do(func() { a.clock = func() time.Duration { return time.Hour }; a.tick() })
		b.ReportMetric(float64(heap()-before)/n, "B/client")
		for _, w := range wires {
			_ = w.Close()
		}
		wires = wires[:0]
		for a.Stats().Clients > 0 {
			runtime.Gosched()
		}
	}
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
