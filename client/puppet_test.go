package client_test

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
)

// puppet is a server whose every message a test decides, without a network. Its
// time stands still but for step.
type puppet struct {
	t       testing.TB
	client  *client.Client
	handler transport.Handler
	now     time.Time

	objects, tick, part uint32
	buf                 []byte
}

// newPuppet makes a puppet whose client is connected, at tick 0.
func newPuppet(t testing.TB, c client.Config) *puppet {
	p := &puppet{t: t, now: time.Unix(1000, 0)}
	dialed := make(chan transport.Handler)
	c.Dial = func(_ context.Context, h transport.Handler) (transport.Conn, error) {
		dialed <- h
		return sink{}, nil
	}
	c.Now = func() time.Time { return p.now }
	var err error
	if p.client, err = client.New(c); err != nil {
		t.Fatal(err)
	}
	p.client.Frame(p.now)
	p.handler = <-dialed
	p.handler.Opened(sink{})
	p.client.Frame(p.now)
	p.receive(p.must(wire.HelloResponse{
		Accepted:  true,
		Welcome:   wire.Welcome{TickRate: 66, UpdateRate: 22, CommandRate: 100},
		Extension: wire.Extension{Present: true, Features: wire.FeatureSnapshots},
	}.Append(nil)))
	p.client.Frame(p.now)
	return p
}

func (p *puppet) must(msg []byte, err error) []byte {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	return msg
}

func (p *puppet) receive(msgs ...[]byte) { p.handler.Received(sink{}, msgs) }

// generate makes the next object: 1, 2, …
func (p *puppet) generate(class *dc.Class) {
	p.objects++
	m := wire.Generate{Type: wire.ExtGenerate, Stamp: wire.Stamp{Structure: p.objects, Tick: p.tick}, Class: class, DoID: p.objects, HasBaseline: true}
	p.receive(p.must(m.Append(nil)))
}

// snapshot appends the next part of the present tick's snapshot.
func (p *puppet) snapshot(dst []byte, flags wire.PartFlags, records []byte, n int) []byte {
	p.part++
	m := wire.Part{Stamp: wire.Stamp{Structure: p.objects, Tick: p.tick}, Number: p.part, Flags: flags, Count: uint16(n)}
	return append(m.Append(dst), records...)
}

// record appends a record of an object with a field of float64s.
func (p *puppet) record(dst []byte, doID uint32, index int, values ...float64) []byte {
	var value [16]byte
	for i, v := range values {
		binary.LittleEndian.PutUint64(value[8*i:], math.Float64bits(v))
	}
	p.buf = wire.AppendRecordField(p.buf[:0], index, value[:8*len(values)])
	return wire.AppendRecord(dst, doID, p.buf)
}

// step begins the next tick.
func (p *puppet) step() {
	p.tick++
	p.now = p.now.Add(time.Second / 66)
}

func (p *puppet) close() {
	p.client.Close()
	p.handler.Closed(sink{}, nil)
	p.client.Wait()
}

// sink is a connection to nobody.
type sink struct{}

func (sink) Send(transport.Message) error { return nil }
func (sink) Flush()                       {}
func (sink) Budget() int                  { return 1 << 20 }
func (sink) MaxReliable() int             { return 1 << 16 }
func (sink) MaxUnreliable() int           { return 1200 }
func (sink) Delivered() (uint64, bool)    { return 0, false }
func (sink) Hold(time.Duration)           {}
func (sink) Close(transport.Code, string) {}
func (sink) Identity() transport.Identity {
	return transport.Identity{Addr: net.Addr(memory.Addr("sink"))}
}
func (sink) Stats() transport.Stats { return transport.Stats{} }
