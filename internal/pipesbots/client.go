package pipesbots

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/transport"
)

// client is a bot from its dialing to the end of its connection. A bot that
// leaves and joins again is another client.
type client struct {
	clientsession.NoEvents
	run   *run
	index int // of the bot
	zones []uint32

	ready chan struct{} // closed when it has been let in and sees its zones
	done  chan struct{} // closed when the connection has closed
	ended chan struct{} // closed when the session has ended with err

	mu      sync.Mutex // held while the session is used
	conn    transport.Conn
	session *clientsession.Session
	unsent  bool // something is to be flushed
	joined  bool // ready is closed
	leaving bool
	err     error
	noted   clientsession.Stats // what of its counters was added to the run's
	tally   sight               // since then
	parts   uint32              // numbers of parts that were noted
	rtt     time.Duration       // that was noted last

	tick     uint32 // of the newest snapshot
	marked   uint32 // what tick was at the end
	newest   uint32 // number of the newest part
	nextSay  time.Time
	interest uint32 // what SetZones returned
}

var (
	_ transport.Handler    = (*client)(nil)
	_ clientsession.Events = (*client)(nil)
)

// seen is what a client remembers of an object, in its Data.
type seen struct {
	tick    uint32 // of its state
	told    uint32 // the tick of its last reliable message
	count   uint32 // its last
	counted bool   // count is valid
}

func newClient(r *run, index int) *client {
	c := &client{
		run: r, index: index, zones: r.Zones,
		ready: make(chan struct{}), done: make(chan struct{}), ended: make(chan struct{}),
	}
	if r.Spread && len(r.Zones) > 0 {
		i := index % len(r.Zones)
		c.zones = r.Zones[i : i+1]
	}
	return c
}

// Opened says hello.
func (c *client) Opened(conn transport.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	session := c.run.session
	session.Events = c
	var err error
	if c.session, err = clientsession.New(session, c); err != nil { // the configuration was good in Run
		c.Ended(err)
		conn.Close(transport.CodeNormal, "")
		return
	}
	if c.leaving {
		c.session.Disconnect()
	} else {
		c.session.Start(time.Now())
	}
	c.tidy()
}

// Send is the session's, and notes that something is to be flushed.
func (c *client) Send(m transport.Message) error {
	c.unsent = true
	return c.conn.Send(m)
}

// Received applies what has come.
func (c *client) Received(_ transport.Conn, msgs [][]byte) {
	size := 0
	for _, m := range msgs {
		size += len(m)
	}
	c.run.bytes.Add(uint64(size))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return
	}
	now := time.Now()
	before := c.session.Stats().Snapshots
	c.session.Receive(now, msgs)
	if c.run.measuring.Load() && c.session.Stats().Snapshots != before {
		c.run.apply.Add(time.Since(now))
	}
	if c.session.Err() != nil {
		c.tidy()
	}
}

// Closed notes that the connection is gone.
func (c *client) Closed(_ transport.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		c.session.ConnectionClosed(err)
	}
	close(c.done)
}

// frame is called in turn, as a game does for each picture.
func (c *client) frame(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || c.session.Err() != nil {
		return
	}
	c.session.Frame(now)
	c.say(now)
	c.note()
	c.tidy()
}

// tidy flushes, and closes the connection of a session that has ended.
func (c *client) tidy() {
	if c.unsent {
		c.unsent = false
		c.conn.Flush()
	}
	if err := c.session.Err(); err != nil {
		c.conn.Close(clientsession.CloseCode(err), "")
	}
}

// say calls a method of an object if that is due.
func (c *client) say(now time.Time) {
	f := c.run.say.field
	if f == nil || !c.session.Welcomed() || now.Before(c.nextSay) {
		return
	}
	interval := time.Duration(float64(time.Second) / c.run.SayRate)
	if c.nextSay.IsZero() { // each bot at a time of its own
		c.nextSay = now.Add(interval * time.Duration(c.index) / time.Duration(c.run.Clients))
		return
	}
	c.nextSay = now.Add(interval)
	for o := range c.session.Objects() {
		if o.Class().FieldByName(f.Name()) != f || !f.Has(dc.ClSend) && !o.Owned() {
			continue
		}
		if err := c.session.SendPacked(o.ID(), f, c.run.say.args); err == nil {
			c.run.said.Add(1)
		} else if !errors.Is(err, transport.ErrClosed) {
			c.run.unsaid.Add(1)
		}
		return
	}
}

// leave ends the client on purpose.
func (c *client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	if c.session != nil {
		c.note()
		c.session.Disconnect()
		c.tidy()
	}
}

// note adds what the session counted to the run's counters.
func (c *client) note() {
	r, s := c.run, c.session.Stats()
	if n := int64(s.Unknown - c.noted.Unknown); r.racy {
		r.raced.Add(n)
	} else {
		r.faults.unknown.Add(n)
	}
	r.faults.backward.Add(int64(s.Stale - c.noted.Stale))
	r.sights.add(c.tally)
	c.tally = sight{}
	if c.session.Extended() {
		// Those that are held count as lost until they are applied.
		r.parts.Add(int64(c.session.LastPart() - c.parts))
		r.applied.Add(int64(s.Snapshots - c.noted.Snapshots))
		c.parts = c.session.LastPart()
	}
	c.noted = s
	if rtt := c.session.RTT().Current(); rtt != c.rtt {
		c.rtt = rtt
		if r.measuring.Load() {
			r.rtt.Add(rtt)
		}
	}
}

// Welcomed asks for the zones.
func (c *client) Welcomed() {
	if len(c.zones) == 0 {
		c.join()
		return
	}
	var err error
	if c.interest, err = c.session.SetZones(c.zones...); err != nil {
		c.run.explain("client %d cannot ask for zones: %v", c.index, err)
		c.session.Disconnect()
	}
}

func (c *client) join() {
	c.joined = true
	close(c.ready)
}

// InterestComplete says that all zones are in sight.
func (c *client) InterestComplete(id uint32) {
	if id == c.interest {
		c.join()
	}
}

// Ended notes why the session has ended.
func (c *client) Ended(err error) {
	c.err = err
	close(c.ended)
	if c.joined && !c.leaving {
		c.run.faults.disconnected.Add(1)
		c.run.explain("client %d: %v", c.index, err)
	}
}

// Generated compares the state with that which others saw, where the tick is
// known of which it is.
func (c *client) Generated(o *clientsession.Object) {
	o.Data = &seen{tick: o.Tick(), told: o.Tick()}
	if c.session.Extended() {
		c.compare(o)
	}
}

// Updated does that with what has changed.
func (c *client) Updated(o *clientsession.Object, _ []int) {
	s := o.Data.(*seen)
	if int32(o.Tick()-s.tick) < 0 {
		c.run.faults.backward.Add(1)
	}
	s.tick = o.Tick()
	c.compare(o)
}

func (c *client) compare(o *clientsession.Object) {
	c.tally.updates++
	same, compared := c.run.states.check(o.ID(), o.Tick(), c.run.states.hash(o))
	if compared {
		c.tally.compared++
	}
	if !same {
		c.run.faults.different.Add(1)
		c.run.explain("client %d sees other values in object %d at tick %d than another one", c.index, o.ID(), o.Tick())
	}
}

// Snapshot notes when a tick has come, and that ticks do not go back: part
// numbers say in which order they were sent.
func (c *client) Snapshot(s clientsession.Snapshot) {
	if c.session.Extended() {
		part := c.session.LastPart()
		if part == c.newest {
			return // an earlier part
		}
		c.newest = part
	}
	ahead := int32(s.Tick - c.tick)
	switch {
	case c.tick != 0 && ahead < 0:
		c.run.faults.backward.Add(1)
	case c.tick == 0 || ahead > 0:
		c.tick = s.Tick
		c.tally.snapshots++
		c.run.late(s.Tick, c.session)
	}
}

// Message checks that reliable messages come in order.
func (c *client) Message(o *clientsession.Object, m clientsession.Message) {
	c.run.calls.Add(1)
	s := o.Data.(*seen)
	if !m.Field.Has(dc.Unreliable) {
		if int32(m.Tick-s.told) < 0 {
			c.run.faults.disordered.Add(1)
			c.run.explain("client %d: object %d has a message of tick %d after one of %d", c.index, o.ID(), m.Tick, s.told)
		}
		s.told = m.Tick
	}
	if m.Field != c.run.counter {
		return
	}
	n := binary.LittleEndian.Uint32(m.Args)
	if s.counted && n != s.count+1 {
		c.run.faults.disordered.Add(1)
		c.run.explain("client %d: object %d counted %d after %d", c.index, o.ID(), n, s.count)
	}
	s.count, s.counted = n, true
}
