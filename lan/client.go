package lan

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// DefaultMaxKnown is the default of [ClientConfig].MaxObjects.
const DefaultMaxKnown = 100_000

// ClientConfig is what a client is made from.
type ClientConfig struct {
	// Schema is what the game's .dc files declare. It is required, and must be
	// the server's.
	Schema *dc.Schema

	// Events is told what happens; nil tells nobody.
	Events Events

	// MaxObjects is how many objects of other clients the client keeps track
	// of. A server that sends more is taken for a broken one, and left.
	// 0 means [DefaultMaxKnown], a negative number no limit.
	MaxObjects int
}

// Client is one connection to a LAN server, this package's or Panda3D's: a
// player, an AI, a tool. It behaves as a stock ClientRepository does: it has a
// range of doIds, answers the server's requests for the state of its objects
// by itself, and follows which objects of others it can see.
//
// A client is a [transport.Handler] for one connection, to be dialed with any
// transport:
//
//	c, err := lan.NewClient(lan.ClientConfig{Schema: schema, Events: events})
//	…
//	conn, err := tcp.Dial(ctx, "127.0.0.1:4400", tcp.Config{}, c)
//	…
//	err = c.Ready(ctx)
//	err = c.SetInterest(1)
//	doID, err := c.Create("Avatar", 1, lan.Set("setName", "Anna"))
//	…
//	err = c.Update(doID, "setPos", 1.5, 2)
//	c.Flush()
//
// What the methods send leaves at the next Flush, at the latest; what is sent
// from within [Events] leaves by itself. Their errors are those of
// [transport.Conn], this package's, and descriptions of what is wrong with the
// arguments; a message is sent whole or not at all. When somebody comes into a
// zone, the client sends the state of all its objects there at once: the
// transport's send queue must have room for it, or the client leaves.
//
// All methods are safe for concurrent use, except that Opened, Received and
// Closed are the transport's to call.
type Client struct {
	events Events
	ready  chan struct{} // closed when the doIds have arrived
	done   chan struct{} // closed when the connection is
	err    error         // why, once done is closed

	mu   sync.Mutex
	core *clientCore // guarded by mu
	left bool        // nothing more is sent, nobody is told anything; guarded by mu

	// What events point to; of the receiving goroutine.
	generate Generate
	update   Update
}

// Value is a field's value in [Client.Create].
type Value struct {
	Field string // its name
	Args  []any  // as [dc.Field.Pack] takes them
}

// Set is the value of a field: the arguments of its method, or the one value
// of a parameter field.
func Set(field string, args ...any) Value { return Value{field, args} }

var _ transport.Handler = (*Client)(nil)

// NewClient makes a client, to be handed to a transport's Dial.
func NewClient(c ClientConfig) (*Client, error) {
	if c.Schema == nil {
		return nil, errors.New("lan: ClientConfig.Schema is missing: parse the game's .dc files with dc.ParseFiles")
	}
	if c.Events == nil {
		c.Events = NoEvents{}
	}
	if c.MaxObjects < 0 {
		c.MaxObjects = math.MaxInt
	}
	return &Client{
		events: c.Events,
		ready:  make(chan struct{}),
		done:   make(chan struct{}),
		core:   newClientCore(c.Schema, cmp.Or(c.MaxObjects, DefaultMaxKnown)),
	}, nil
}

// Ready waits until the client has its doIds and can create objects. The
// error says that the connection was closed first, or is ctx's.
func (c *Client) Ready(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-c.done:
		return fmt.Errorf("lan: the connection was closed before the server gave doIds: %w", c.err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done returns a channel that is closed when the connection is.
func (c *Client) Done() <-chan struct{} { return c.done }

// Base returns the client's doIdBase, by which others know it, and 0 before
// Ready.
func (c *Client) Base() uint32 {
	base, _ := c.DoIDs()
	return base
}

// DoIDs returns the client's doIdBase and the server's doIdRange, and zeros
// before Ready.
func (c *Client) DoIDs() (base, doIDRange uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.base, c.core.count
}

// Object returns what the client knows of an object, its own ones included.
func (c *Client) Object(doID uint32) (Object, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.object(doID)
}

// Objects returns the objects that the client has or knows, by doId. The slice
// is the caller's.
func (c *Client) Objects() []Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Object, 0, len(c.core.own)+len(c.core.known))
	for _, o := range c.core.own {
		if !o.deleted {
			list = append(list, o.Object)
		}
	}
	for _, o := range c.core.known {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Object) int { return cmp.Compare(a.DoID, b.DoID) })
	return list
}

// SetInterest replaces the zones that the client wants to hear from. Zones
// that it has objects in are heard anyway.
func (c *Client) SetInterest(zones ...uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.setInterest(zones)
}

// Create makes an object of a dclass and returns its doId. Fields that are not
// among the values have their defaults. Values of fields that are not required
// are listed in the generate.
func (c *Client) Create(class string, zone uint32, values ...Value) (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.create(class, zone, values)
}

// Update sets a field of an object: of an own one, or of another's if the
// field is clsend or p2p. The server passes it on to whom the field's keywords
// say. Of own objects the client keeps the values that it will be asked for
// when others come.
func (c *Client) Update(doID uint32, field string, args ...any) error {
	return c.updateTo(0, doID, field, args)
}

// UpdateTo is an update for one client only, told by its doIdBase.
func (c *Client) UpdateTo(target, doID uint32, field string, args ...any) error {
	if target == 0 {
		return errors.New("lan: no client has the doIdBase 0")
	}
	return c.updateTo(target, doID, field, args)
}

func (c *Client) updateTo(target, doID uint32, field string, args []any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.core.field(doID, field)
	if err != nil {
		return err
	}
	value, err := f.Pack(nil, args...)
	if err != nil {
		return fmt.Errorf("lan: %w", err)
	}
	return c.core.sendUpdate(target, doID, f, value)
}

// UpdatePacked is Update with a packed value, which it does not keep. Messages of
// up to 4 KiB do not allocate once the client has sent one as long.
func (c *Client) UpdatePacked(doID uint32, f *dc.Field, value []byte) error {
	if err := f.Check(value); err != nil {
		return fmt.Errorf("lan: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.sendUpdate(0, doID, f, value)
}

// SetZone moves an own object to another zone.
func (c *Client) SetZone(doID, zone uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.setZone(doID, zone)
}

// Delete deletes an own object. It cannot be used any more, and Events.Deleted
// is called when the server has done it.
func (c *Client) Delete(doID uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.remove(doID)
}

// Heartbeat tells the server that the client lives.
func (c *Client) Heartbeat() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.core.begin(ClientObjectUpdateFieldTargeted)
	return c.core.send()
}

// Flush lets everything leave that was sent. It does not wait for it.
func (c *Client) Flush() {
	c.mu.Lock()
	conn := c.core.conn
	c.core.queued = false
	c.mu.Unlock()
	if conn != nil {
		conn.Flush()
	}
}

// Disconnect takes leave of the server and closes the connection, or the one
// that is still being made as soon as it opens. Of the events only Disconnected
// comes after it, except for a call that is under way.
func (c *Client) Disconnect() {
	c.mu.Lock()
	conn := c.core.conn
	if conn == nil || c.left {
		c.left = true
		c.mu.Unlock()
		return
	}
	c.core.begin(ClientDisconnect)
	_ = c.core.send() // a closed connection takes leave as well
	c.left = true
	c.mu.Unlock()
	conn.Flush()
	conn.Close(transport.CodeNormal, "the client disconnects")
}

// Opened is called by the transport.
func (c *Client) Opened(conn transport.Conn) {
	c.mu.Lock()
	used, left := c.core.conn != nil, c.left
	if !used {
		c.core.conn = conn
	}
	c.mu.Unlock()
	switch {
	case used:
		conn.Close(transport.CodeRefused, "this client has a connection already")
	case left:
		conn.Close(transport.CodeNormal, "the client disconnects")
	}
}

// Received is called by the transport with the server's datagrams.
func (c *Client) Received(conn transport.Conn, datagrams [][]byte) {
	for _, b := range datagrams {
		if err := c.receive(b); err != nil {
			c.mu.Lock()
			c.left = true
			c.mu.Unlock()
			code := CodeMalformed
			if errors.Is(err, transport.ErrFull) {
				code = CodeTooSlow // the server asks, but takes no answers
			}
			conn.Close(code, err.Error())
			return
		}
	}
	c.mu.Lock()
	flush := c.core.queued
	c.core.queued = false
	c.mu.Unlock()
	if flush {
		conn.Flush()
	}
}

// receive lets one datagram take effect. An error says what the server did
// wrong, or why it cannot be answered.
func (c *Client) receive(b []byte) error {
	m, malformed := decodeServer(c.core.schema, b)
	if malformed != nil {
		return malformed
	}
	c.mu.Lock()
	if c.left {
		c.mu.Unlock()
		return nil
	}
	var o Object
	var known bool
	var err error
	switch m.typ {
	case SetDoIDRange:
		if err = c.core.setRange(&m); err == nil {
			close(c.ready)
		}
	case ObjectGenerate:
		o, known, err = c.core.generate(&m)
	case ObjectUpdateField:
		o, known, err = c.core.update(&m)
	case ObjectDelete:
		o, known = c.core.deleted(m.doID)
	case RequestGenerates:
		err = c.core.resend(m.zone)
	}
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%v: %w", m.typ, err)
	}

	switch m.typ {
	case ObjectGenerate:
		c.generate = Generate{Object: o, Known: known, values: m.body}
		c.events.Generated(c, &c.generate)
	case ObjectUpdateField:
		if !known {
			c.events.Unknown(c, m.client, m.doID)
			break
		}
		c.update = Update{Object: o, Sender: m.client, Field: m.field, Value: m.body}
		c.events.Updated(c, &c.update)
	case ObjectDelete:
		if known {
			c.events.Deleted(c, o)
		}
	case ObjectDisable:
		c.disable(m.body)
	}
	return nil
}

// disable forgets a list of objects.
func (c *Client) disable(doIDs []byte) {
	for b := doIDs; len(b) > 0; b = b[4:] {
		c.mu.Lock()
		o, known := c.core.disable(binary.LittleEndian.Uint32(b))
		known = known && !c.left
		c.mu.Unlock()
		if known {
			c.events.Disabled(c, o)
		}
	}
}

// Closed is called by the transport when the connection is gone.
func (c *Client) Closed(conn transport.Conn, err error) {
	c.mu.Lock()
	mine := c.core.conn == conn
	c.mu.Unlock()
	if !mine {
		return // Opened refused it
	}
	c.err = err
	close(c.done)
	c.events.Disconnected(c, err)
}
