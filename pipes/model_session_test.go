package pipes_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/pipes/internal/independent"
	"github.com/culm-net/culm/transport"
)

// subject is a client that the model judges: an independent one, or a session
// of package clientsession.
type subject interface {
	transport.Handler
	Frame(d time.Duration)
	Interest(kind independent.InterestKind, zones ...uint32) (handle uint16)
	SetRates(update, command uint16)
	Send(o *independent.Object, method string, args ...any) error
	Object(id uint32) *independent.Object
	Objects() []*independent.Object
	Pending() []independent.Request
	Held() (parts, messages int)
	Waited() (parts, messages int)
	ID() uint32
	Tick() uint32
	Snapshots() int
	Disconnect()
	Ended() (bool, error)
	Faults() []independent.Fault
	Story() string
}

// sessionClient is a session on a connection. What it knows of an object is
// copied to one of the independent client's, when the session says that it has
// changed and only then.
type sessionClient struct {
	*clientsession.Session
	m       *model
	watch   independent.Watch
	conn    transport.Conn
	objects map[uint32]*independent.Object
	pending []sessionRequest
	tick    uint32
	ended   error
	closed  bool
	patient bool                    // has room for all messages that have to wait
	early   []*clientsession.Object // had one delivered that should have waited
}

type sessionRequest struct {
	id uint32
	independent.Request
}

func newSessionClient(m *model, plain bool, rate uint16, held int, watch independent.Watch) *sessionClient {
	c := &sessionClient{m: m, patient: held <= 0, watch: watch, objects: map[uint32]*independent.Object{}}
	var err error
	c.Session, err = clientsession.New(clientsession.Config{
		Schema: m.schema, Events: sessionEvents{c: c}, Plain: plain, UpdateRate: rate, CommandRate: 200, MaxHeld: held,
	}, sender{c})
	m.must(err)
	return c
}

func (c *sessionClient) now() time.Time { return c.m.began.Add(c.m.net.Now()) }

// sender is the Sender of a session, which is made before its connection is up.
type sender struct{ c *sessionClient }

func (l sender) Send(m transport.Message) error { return l.c.conn.Send(m) }

func (c *sessionClient) Opened(conn transport.Conn) {
	c.conn = conn
	c.Start(c.now())
	conn.Flush()
}

func (c *sessionClient) Received(conn transport.Conn, msgs [][]byte) {
	c.Receive(c.now(), msgs)
	for _, o := range c.early {
		if c.Object(o.ID()) == o.Data {
			c.m.fail(nil, "client %d: a message of %d did not wait for its state, and %d is still there", c.ID(), o.ID(), o.ID())
		}
	}
	c.early = c.early[:0]
	for _, m := range msgs {
		for i := range m {
			m[i] ^= 0xff // they are the transport's
		}
	}
	conn.Flush()
}

func (c *sessionClient) Closed(_ transport.Conn, err error) {
	c.ConnectionClosed(err)
	c.ended, c.closed = err, true
}

func (c *sessionClient) Frame(time.Duration) {
	if c.conn == nil || c.closed {
		return
	}
	c.Session.Frame(c.now())
	c.conn.Flush()
	if err := c.Err(); err != nil {
		c.conn.Close(clientsession.CloseCode(err), err.Error())
	}
}

func (c *sessionClient) Interest(kind independent.InterestKind, zones ...uint32) (handle uint16) {
	change := c.AddZones
	switch kind {
	case independent.SetInterest:
		change = c.SetZones
	case independent.RemoveInterest:
		change = c.RemoveZones
	}
	id, err := change(zones...)
	c.m.must(err)
	c.pending = append(c.pending, sessionRequest{id, independent.Request{Handle: uint16(id), Kind: kind, Zones: slices.Clone(zones), At: c.m.net.Now()}})
	c.conn.Flush()
	return uint16(id)
}

func (c *sessionClient) SetRates(update, command uint16) {
	c.m.must(c.Session.SetRates(update, command))
	c.conn.Flush()
}

func (c *sessionClient) Send(o *independent.Object, method string, args ...any) error {
	// The session refuses what the server would refuse.
	_ = c.Session.Send(o.ID, method, args...)
	c.conn.Flush()
	return nil
}

func (c *sessionClient) Object(id uint32) *independent.Object { return c.objects[id] }

func (c *sessionClient) Objects() (all []*independent.Object) {
	for o := range c.Session.Objects() {
		all = append(all, o.Data.(*independent.Object))
	}
	slices.SortFunc(all, func(a, b *independent.Object) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (c *sessionClient) Pending() (all []independent.Request) {
	for _, r := range c.pending {
		all = append(all, r.Request)
	}
	return all
}

// Held is nothing: a session does not tell, and what is held shows.
func (c *sessionClient) Held() (parts, messages int) { return 0, 0 }

func (c *sessionClient) Waited() (parts, messages int) {
	s := c.Stats()
	return int(s.Held), 0
}

func (c *sessionClient) ID() uint32   { return c.ClientID() }
func (c *sessionClient) Tick() uint32 { return c.tick }

// Snapshots is how many, or parts of some, were applied.
func (c *sessionClient) Snapshots() int { return int(c.Stats().Snapshots) }

func (c *sessionClient) Ended() (bool, error) { return c.closed, c.ended }

// Faults are those for which the session ended.
func (c *sessionClient) Faults() []independent.Fault {
	if clientsession.CloseCode(c.Err()) == transport.CodeProtocol {
		return []independent.Fault{{At: c.m.net.Now(), Text: c.Err().Error()}}
	}
	return nil
}

func (c *sessionClient) Story() string { return fmt.Sprintf("%+v\n", c.Stats()) }

// sessionEvents copies what the session says, and tells the model.
type sessionEvents struct {
	clientsession.NoEvents
	c *sessionClient
}

func (e sessionEvents) Welcomed() { e.c.watch.Welcome() }

func (e sessionEvents) Generated(o *clientsession.Object) {
	v := &independent.Object{ID: o.ID(), Class: o.Class(), Zone: o.Zone(), Owned: o.Owned(), HasState: true,
		State: map[int]string{}, Methods: map[int]string{}, Tick: o.Tick(), TickKnown: e.c.Extended()}
	o.Data = v
	e.c.copy(o)
	e.c.objects[v.ID] = v
}

func (e sessionEvents) Announced(o *clientsession.Object) {
	e.c.watch.Generated(o.Data.(*independent.Object))
}

func (c *sessionClient) copy(o *clientsession.Object) *independent.Object {
	v := o.Data.(*independent.Object)
	for i, b := range o.Values() {
		v.State[i] = string(b)
	}
	return v
}

func (e sessionEvents) Updated(o *clientsession.Object, _ []int) {
	v := e.c.copy(o)
	v.Tick, v.TickKnown = o.Tick(), true
	e.c.watch.State(v)
}

func (e sessionEvents) ZoneChanged(o *clientsession.Object, _ uint32) {
	v := o.Data.(*independent.Object)
	v.Zone = o.Zone()
	e.c.watch.Moved(v)
}

func (e sessionEvents) Message(o *clientsession.Object, m clientsession.Message) {
	v := o.Data.(*independent.Object)
	v.Methods[slices.Index(v.Class.Fields(), m.Field)] = string(m.Args)
	if o.Lifecycle() == clientsession.Generated {
		return // it came with the generate
	}
	forced := e.c.Extended() && int32(m.State-o.Tick()) > 0
	if forced && e.c.patient && len(v.State) > 0 {
		e.c.early = append(e.c.early, o) // unless it is about to go
	}
	e.c.watch.Message(v, m.Field, m.Args, forced)
}

func (e sessionEvents) Removed(o *clientsession.Object) {
	delete(e.c.objects, o.ID())
	e.c.watch.Removed(o.Data.(*independent.Object), 0, e.c.Extended() && o.Lifecycle() == clientsession.Deleted)
}

func (e sessionEvents) InterestComplete(id uint32) {
	i := slices.IndexFunc(e.c.pending, func(r sessionRequest) bool { return r.id == id })
	if i != 0 {
		e.c.m.fail(nil, "interest %d is complete while waiting for %v", id, e.c.pending)
	}
	r := e.c.pending[0].Request
	e.c.pending = e.c.pending[1:]
	e.c.watch.Complete(r)
}

func (e sessionEvents) Snapshot(s clientsession.Snapshot) { e.c.tick = s.Tick }
