package cluster

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/clientagent"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/stateserver"
	"github.com/culm-net/culm/transport"
)

// crowd is bad clients and bad servers of one cluster: they speak the protocols
// well enough to be heard, about few objects, zones and channels that they all
// share, and mean nothing by it.
type crowd struct {
	*rand.Rand
	t        *testing.T
	schema   *dc.Schema
	director *md.Director
	clients  transport.Handler
	conns    []*crowdConn
	servers  [3]md.Participant
	types    []md.Type
}

// crowdConn is the agent's end of a client that reads nothing.
type crowdConn struct {
	transport.Conn     // for the methods that nobody calls
	queued         int // touched inside the order only
	closed         atomic.Bool
}

func (c *crowdConn) Send(m transport.Message) error {
	if c.closed.Load() {
		return transport.ErrClosed
	}
	if c.queued += len(m.Data); c.queued > 1<<16 {
		return transport.ErrFull
	}
	return nil
}
func (c *crowdConn) Close(transport.Code, string) { c.closed.Store(true) }
func (c *crowdConn) Hold(time.Duration)           {}
func (c *crowdConn) Budget() int                  { return 1 }
func (c *crowdConn) Identity() transport.Identity {
	return transport.Identity{Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}}
}

// desk is a listener that hands over its handler.
type desk struct {
	transport.Listener
	handler chan transport.Handler
}

func (d desk) Serve(ctx context.Context, h transport.Handler) error {
	d.handler <- h
	<-ctx.Done()
	return nil
}

func (desk) Flush([]transport.Conn) {}

// above is an upstream that looks at all that it is told.
type above struct{ read int }

func (a *above) AddChannel(uint64)                { a.read++ }
func (a *above) RemoveChannel(uint64)             { a.read++ }
func (a *above) AddRange(uint64, uint64)          { a.read++ }
func (a *above) RemoveRange(uint64, uint64)       { a.read++ }
func (a *above) AddPostRemove(_ uint64, m []byte) { a.read += len(m) }
func (a *above) ClearPostRemoves(uint64)          { a.read++ }
func (a *above) Forward(m *md.Message)            { a.read += len(m.Raw) }

type nobody struct{}

func (nobody) Receive(*md.Message) {}

func pick[T any](c *crowd, from ...T) T { return from[c.IntN(len(from))] }

func (c *crowd) doID() uint32    { return pick[uint32](c, 1000, 1001, 1002, 1003, 1234, 0, 1, 5000) }
func (c *crowd) zone() uint32    { return c.Uint32N(4) }
func (c *crowd) session() uint64 { return 5000 + c.Uint64N(4) }

func (c *crowd) channel() uint64 {
	switch c.IntN(6) {
	case 0:
		return md.LocationChannel(c.doID(), c.zone())
	case 1:
		return md.ParentChannel(c.doID())
	case 2:
		return c.session()
	case 3:
		return pick[uint64](c, 0, 1, md.AllClients, md.AllStateServers, 4002, 1<<64-1)
	}
	return uint64(c.doID())
}

// number is any of few, in 1, 2, 4 or 8 bytes, or a field with a value.
func (c *crowd) number(b []byte) []byte {
	switch c.IntN(8) {
	case 0:
		return append(b, byte(c.IntN(256)))
	case 1:
		return binary.LittleEndian.AppendUint16(b, uint16(c.IntN(6)))
	case 2:
		return binary.LittleEndian.AppendUint64(b, c.channel())
	case 3:
		if f := c.schema.FieldByNumber(c.IntN(12)); f != nil {
			return f.AppendDefault(binary.LittleEndian.AppendUint16(b, uint16(f.Number())))
		}
	case 4:
		return binary.LittleEndian.AppendUint32(b, c.zone())
	}
	return binary.LittleEndian.AppendUint32(b, c.doID())
}

// object is a doId, a place, a class and its required values.
func (c *crowd) object(b []byte) []byte {
	class := c.schema.Class(pick(c, "Avatar", "Room"))
	for _, v := range []uint32{c.doID(), c.doID(), c.zone()} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(class.Number()))
	for _, f := range class.RequiredFields() {
		b = f.AppendDefault(b)
	}
	return b
}

// fromClient lets a client come, speak or go.
func (c *crowd) fromClient() {
	if len(c.conns) < 4 {
		conn := new(crowdConn)
		c.conns = append(c.conns, conn)
		c.clients.Opened(conn)
		c.clients.Received(conn, [][]byte{{1, 0, 1, 0, 0, 0, 3, 0, 'd', 'e', 'v'}})
		c.send(md.ClientAgentSetState, []byte{2, 0}, 5000, 5001, 5002, 5003)
		return
	}
	i := c.IntN(len(c.conns))
	if conn := c.conns[i]; conn.closed.Load() || c.IntN(60) == 0 {
		c.conns = append(c.conns[:i], c.conns[i+1:]...)
		c.clients.Closed(conn, io.EOF)
		return
	}
	t := pick(c, clientagent.AddInterest, clientagent.AddInterest, clientagent.AddInterestMultiple, clientagent.RemoveInterest, clientagent.ObjectLocation, clientagent.ObjectSetField)
	m := binary.LittleEndian.AppendUint16(nil, uint16(t))
	if t != clientagent.ObjectLocation && t != clientagent.ObjectSetField {
		m = binary.LittleEndian.AppendUint32(m, 1)
		m = binary.LittleEndian.AppendUint16(m, uint16(c.IntN(3)))
	}
	n := map[clientagent.Type]int{clientagent.RemoveInterest: 0, clientagent.ObjectLocation: 3, clientagent.AddInterest: 2}[t]
	switch t {
	case clientagent.AddInterestMultiple:
		m = binary.LittleEndian.AppendUint32(m, pick[uint32](c, 1000, 1001))
		m = append(m, 2, 0, byte(c.zone()), 0, 0, 0, byte(c.zone()), 0, 0, 0)
	case clientagent.ObjectSetField:
		f := c.schema.Class("Avatar").FieldByName(pick(c, "setPos", "setHat", "setBlob"))
		m = binary.LittleEndian.AppendUint32(m, c.doID())
		m = f.AppendDefault(binary.LittleEndian.AppendUint16(m, uint16(f.Number())))
	}
	for range n {
		m = binary.LittleEndian.AppendUint32(m, pick[uint32](c, 1000, 1001, 1, 2))
	}
	c.clients.Received(c.conns[i], [][]byte{m})
}

func (c *crowd) send(t md.Type, payload []byte, to ...uint64) {
	var b md.Batch
	b.From(&c.servers[c.IntN(len(c.servers))])
	b.Begin(t, c.channel(), to...).Bytes(payload)
	if err := b.End(); err != nil {
		c.t.Error(err)
	}
	c.director.Post(&b)
}

// fromServer lets a server of the game speak.
func (c *crowd) fromServer() {
	switch c.IntN(8) {
	case 0, 1:
		c.send(md.StateServerCreateObjectWithRequired, c.object(nil), 4002)
	case 2:
		c.send(md.StateServerObjectSetOwner, binary.LittleEndian.AppendUint64(nil, c.session()), uint64(c.doID()))
	case 3: // what a state server would say
		var head []byte
		if c.IntN(2) == 0 {
			head = []byte{byte(c.IntN(8)), 0, 0, 0}
		}
		t := pick(c, md.StateServerObjectEnterInterestWithRequired, md.StateServerObjectEnterLocationWithRequired, md.StateServerObjectEnterOwnerWithRequired)
		c.send(t, c.object(head), pick(c, c.session(), c.channel()))
	case 4:
		c.control()
	default:
		var payload []byte
		for range c.IntN(8) {
			payload = c.number(payload)
		}
		c.send(pick(c, c.types...), payload, c.channel(), c.session())
	}
}

// control changes what a server hears.
func (c *crowd) control() {
	var b md.Batch
	b.From(&c.servers[c.IntN(len(c.servers))])
	switch c.IntN(6) {
	case 0:
		b.Leave()
	case 1:
		b.Subscribe(c.channel())
	case 2:
		b.SubscribeRange(c.channel(), c.channel())
	case 3:
		b.UnsubscribeRange(c.channel(), c.channel())
	case 4:
		_ = b.AddPostRemove(c.channel(), c.object([]byte{1, 0xa2, 0x0f, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0xd0, 7}))
	case 5:
		b.ClearPostRemoves(c.channel())
	}
	c.director.Post(&b)
}

// Whatever clients and servers of the game do to each other, and to the roles, all
// that is in one order: nothing there may panic, since that ends the process,
// and of clients that have gone nothing may be left.
func TestBadCrowd(t *testing.T) {
	schema, err := dc.ParseFiles("../clientagent/testdata/game.dc")
	if err != nil {
		t.Fatal(err)
	}
	var types []md.Type
	for n := range md.Type(3000) {
		if name := n.String(); name[0] < '0' || name[0] > '9' {
			types = append(types, n)
		}
	}
	for seed := range uint64(300) {
		d := md.New(md.Limits{Channels: 50, Ranges: 8, PostRemoves: 4000})
		if _, err := stateserver.New(d, stateserver.Config{Control: 4002, Schema: schema, Limits: stateserver.Limits{Objects: 40, Children: 10}}); err != nil {
			t.Fatal(err)
		}
		if seed%2 == 0 {
			d.Do(func() { d.SetUpstream(new(above)) })
		}
		config := clientagent.Config{
			Schema: schema, Hash: 1, Version: "dev", MinChannel: 5000, MaxChannel: 5003,
			UberDOGs: []clientagent.UberDOG{{ID: 1234, Class: "Login", Anonymous: true}},
			Interest: clientagent.InterestEnabled, Relocate: true, StrictCLRecv: seed%5 == 0,
		}
		if seed%3 > 0 {
			config.Limits = clientagent.Limits{Interests: 6, Zones: 20, Pending: 400, Declared: 4, Session: 4, Channels: 4, PostRemoves: 3, Historical: 3}
		}
		agent, err := clientagent.New(d, config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		door := desk{handler: make(chan transport.Handler)}
		served := make(chan error)
		go func() { served <- agent.Serve(ctx, door) }()
		c := &crowd{Rand: rand.New(rand.NewPCG(seed, 0)), t: t, schema: schema, director: d, clients: <-door.handler, types: types}
		for i := range c.servers {
			c.servers[i].Receiver = nobody{}
		}
		for range 300 {
			if c.IntN(3) == 0 {
				c.fromClient()
			} else {
				c.fromServer()
			}
		}
		for _, conn := range c.conns {
			c.clients.Closed(conn, io.EOF)
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if s := agent.Stats(); s.Clients != 0 || s.Objects != 0 || s.Interests != 0 || s.PendingBytes != 0 {
			t.Fatalf("seed %d: of clients that are gone there is left %+v", seed, s)
		}
	}
}
