package main

import (
	"context"
	"fmt"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"

	"github.com/culm-net/culm/internal/newgame/template/game"
)

// The messages of the protocol that this client uses.
const (
	clientHello             = 1
	clientHelloResp         = 2
	clientEject             = 4
	clientHeartbeat         = 5
	clientSetField          = 120
	clientLeaving           = 132
	clientEnterObject       = 142
	clientEnterObjectOther  = 143
	clientEnterOwner        = 172
	clientEnterOwnerOther   = 173
	version                 = "dev" // as in culm.yml
	requiredToClients       = dc.Broadcast | dc.ClRecv
	requiredToOwningClients = dc.Broadcast | dc.ClRecv | dc.OwnRecv
)

// events is what a client is told about.
type events interface {
	entered(doID uint32, class *dc.Class, own bool, values map[int][]byte) // packed, by the fields' numbers
	left(doID uint32)
	updated(doID uint32, class *dc.Class, f *dc.Field, args []byte) // packed
}

// client is a connection to a client agent.
type client struct {
	events   events
	conn     *tcp.Conn
	objects  map[uint32]*dc.Class
	received chan []byte   // closed when the connection is gone
	err      error         // why it is, then
	quit     chan struct{} // closed by close
}

// dial connects and says hello.
func dial(ctx context.Context, address string, e events) (*client, error) {
	c := &client{events: e, objects: make(map[uint32]*dc.Class), received: make(chan []byte, 100), quit: make(chan struct{})}
	c.objects[loginID] = game.Schema().Class("Login")
	var err error
	if c.conn, err = tcp.Dial(ctx, address, tcp.Config{}, c); err != nil {
		return nil, err
	}
	var w datagram.Writer
	w.Uint16(clientHello)
	w.Uint32(game.Hash)
	w.String(version)
	c.write(w.Buf)
	m, ok := <-c.received
	if !ok {
		return nil, c.err
	}
	return c, c.handle(m) // HelloResp or Eject
}

// Opened is called by the transport.
func (c *client) Opened(transport.Conn) {}

// Received is called by the transport, on another goroutine.
func (c *client) Received(_ transport.Conn, messages [][]byte) {
	for _, m := range messages {
		select {
		case c.received <- append([]byte(nil), m...):
		case <-c.quit:
		}
	}
}

// Closed is called by the transport when the connection is gone.
func (c *client) Closed(_ transport.Conn, err error) {
	c.err = err
	close(c.received)
}

func (c *client) close() {
	close(c.quit)
	c.conn.Close(transport.CodeNormal, "")
	for range c.received { // until it is gone
	}
}

func (c *client) write(m []byte) {
	_ = c.conn.Send(transport.Message{Data: m}) // received tells if it is gone
	c.conn.Flush()
}

func (c *client) heartbeat() { c.write([]byte{clientHeartbeat, 0}) }

// send sends an update of a field, by one of the numbers in package game.
func (c *client) send(doID uint32, field int, packed []byte) {
	var w datagram.Writer
	w.Uint16(clientSetField)
	w.Uint32(doID)
	w.Uint16(uint16(field))
	w.Bytes(packed)
	c.write(w.Buf)
}

// handle lets a message take effect.
func (c *client) handle(m []byte) error {
	r := datagram.NewReader(m)
	typ := r.Uint16()
	switch typ {
	case clientEject:
		code := r.Uint16()
		return fmt.Errorf("ejected with code %d: %s", code, r.String())
	case clientSetField:
		doID, number := r.Uint32(), r.Uint16()
		class := c.objects[doID]
		if r.Err() != nil || class == nil {
			break
		}
		f := class.Field(int(number))
		if f == nil {
			return fmt.Errorf("%s has no field %d", class.Name(), number)
		}
		if err := f.Check(r.Rest()); err != nil {
			return err
		}
		c.events.updated(doID, class, f, r.Rest())
	case clientLeaving:
		doID := r.Uint32()
		delete(c.objects, doID)
		c.events.left(doID)
	case clientEnterObject, clientEnterObjectOther:
		return c.enter(&r, false, requiredToClients)
	case clientEnterOwner, clientEnterOwnerOther:
		return c.enter(&r, true, requiredToOwningClients)
	}
	return r.Err()
}

// enter reads an object's required fields; those that follow have values only
// if they were set.
func (c *client) enter(r *datagram.Reader, own bool, visible dc.Keyword) error {
	doID := r.Uint32()
	r.Skip(8) // parent and zone
	number := r.Uint16()
	if r.Err() != nil {
		return r.Err()
	}
	class := game.Schema().ClassByNumber(int(number))
	if class == nil {
		return fmt.Errorf("there is no class %d", number)
	}
	values := make(map[int][]byte)
	rest := r.Rest()
	for _, f := range class.RequiredFields() {
		if !f.HasAny(visible) {
			continue
		}
		n, err := f.CheckPrefix(rest)
		if err != nil {
			return err
		}
		values[f.Number()], rest = rest[:n], rest[n:]
	}
	c.objects[doID] = class
	c.events.entered(doID, class, own, values)
	return nil
}
