package clientagent

import (
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// object is what a client knows of an object, in one or several ways.
type object struct {
	class *dc.Class
	// location is the location channel at which the client sees or owns it.
	location uint64
	ways     way
}

type way uint8

const (
	visible  way = 1 << iota // it has entered the client's view
	owned                    // the client is its owner
	declared                 // a server has told that the client may send to it
)

// lookup returns the object if the client knows it.
func (c *client) lookup(doID uint32) (object, bool) {
	if o, ok := c.objects[doID]; ok {
		return o, true
	}
	u, ok := c.agent.settings.uberDOGs[doID]
	return object{class: u.class}, ok
}

// know notes a way in which the client knows an object.
func (c *client) know(doID uint32, o object, w way) {
	if c.objects == nil {
		c.objects = make(map[uint32]object)
	}
	if w&visible != 0 && o.ways&visible == 0 {
		c.agent.count.objects++
	}
	o.ways |= w
	c.objects[doID] = o
}

// unknow ends ways in which the client knows an object. To an object that it
// then neither sees nor owns it may still send for a while, in vain unless the
// object is declared.
func (c *client) unknow(doID uint32, w way) {
	o, ok := c.objects[doID]
	if !ok {
		return
	}
	if w&o.ways&visible != 0 {
		c.agent.count.objects--
	}
	gone := w & o.ways &^ declared
	o.ways &^= w
	if gone != 0 && o.ways&^declared == 0 {
		s := c.agent.settings
		c.history.add(doID, c.agent.clock(), s.HistoricalTTL, s.Limits.Historical)
	}
	if o.ways != 0 {
		c.objects[doID] = o
	} else {
		delete(c.objects, doID)
	}
}

// inView is how many objects the client sees.
func (c *client) inView() (n int) {
	for _, o := range c.objects {
		if o.ways&visible != 0 {
			n++
		}
	}
	return n
}

// entry is the beginning of a message that an object enters by.
type entry struct {
	doID     uint32
	location uint64
	class    uint16
	err      error
}

func readEntry(payload []byte) entry {
	r := datagram.NewReader(payload)
	var e entry
	e.doID = r.Uint32()
	parent := r.Uint32()
	e.location = md.LocationChannel(parent, r.Uint32())
	e.class = r.Uint16()
	e.err = r.Err()
	return e
}

// enter lets an object enter the client's view. skip is how many bytes of the
// payload stand before what the client gets.
func (c *client) enter(m *md.Message, e entry, skip int) {
	o := c.objects[e.doID]
	if o.ways&visible != 0 {
		return // it has come from another zone of the client's interest
	}
	if _, ok := c.sessions[e.doID]; ok && o.ways&owned != 0 {
		return // the client has it, and it follows the client
	}
	class := c.agent.settings.Schema.ClassByNumber(int(e.class))
	if class == nil {
		c.warn(m, "the object's class is not in the DC files")
		return
	}
	o.class, o.location = class, e.location
	c.know(e.doID, o, visible)
	t := EnterObjectRequired
	if m.Type == md.StateServerObjectEnterLocationWithRequiredOther || m.Type == md.StateServerObjectEnterInterestWithRequiredOther {
		t = EnterObjectRequiredOther
	}
	c.send(c.agent.encode(m, t, skip))
}

// entersOwned lets an object become the client's.
func (c *client) entersOwned(m *md.Message) {
	e := readEntry(m.Payload)
	class := c.agent.settings.Schema.ClassByNumber(int(e.class))
	switch {
	case e.err != nil:
		c.warn(m, "it ends too early")
		return
	case class == nil:
		c.warn(m, "the object's class is not in the DC files")
		return
	}
	o := c.objects[e.doID]
	o.class = class
	if o.ways&visible == 0 {
		o.location = e.location
	}
	c.know(e.doID, o, owned)
	t := EnterObjectRequiredOwner
	if m.Type == md.StateServerObjectEnterOwnerWithRequiredOther {
		t = EnterObjectRequiredOtherOwner
	}
	c.send(c.agent.encode(m, t, 0))
}

// changingOwner tells the client that an object is not its own any more.
func (c *client) changingOwner(m *md.Message) {
	r := m.Reader()
	doID, owner := r.Uint32(), r.Uint64()
	if r.Uint64(); r.Err() != nil { // the old owner
		c.warn(m, "it ends too early")
		return
	}
	if owner == c.id {
		return
	}
	if c.objects[doID].ways&owned == 0 {
		c.warn(m, "the client does not own the object")
		return
	}
	if _, ok := c.sessions[doID]; ok {
		c.eject(CodeSessionObject, "The session object %d has got another owner.", doID)
		return
	}
	c.unknow(doID, owned)
	c.sendObject(ObjectLeavingOwner, doID)
}

// deleted tells the client that an object is gone.
func (c *client) deleted(m *md.Message) {
	r := m.Reader()
	doID := r.Uint32()
	if r.Err() != nil {
		c.warn(m, "it ends too early")
		return
	}
	if _, ok := c.sessions[doID]; ok {
		delete(c.sessions, doID) // it need not be deleted again
		c.eject(CodeSessionObject, "The session object %d has been deleted.", doID)
		return
	}
	o := c.objects[doID]
	if o.ways&(visible|owned) == 0 {
		return
	}
	c.unknow(doID, visible|owned)
	if o.ways&visible != 0 {
		c.sendObject(ObjectLeaving, doID)
	}
	if o.ways&owned != 0 {
		c.sendObject(ObjectLeavingOwner, doID)
	}
}

// moved tells the client that an object is elsewhere, or takes it out of its
// view.
func (c *client) moved(m *md.Message) {
	r := m.Reader()
	doID, parent, zone := r.Uint32(), r.Uint32(), r.Uint32()
	if r.Err() != nil {
		c.warn(m, "it ends too early")
		return
	}
	o := c.objects[doID]
	if o.ways&(visible|owned) == 0 {
		return
	}
	o.location = md.LocationChannel(parent, zone)
	c.objects[doID] = o
	if m.Sender == c.id {
		return // who has caused it knows
	}
	_, protected := c.sessions[doID]
	switch {
	case o.ways&visible == 0 || c.sees(o.location) || protected && o.ways&owned != 0:
		w := c.agent.begin(ObjectLocation)
		w.Uint32(doID)
		w.Uint32(parent)
		w.Uint32(zone)
		c.sendWritten()
	case protected:
		c.eject(CodeSessionObject, "The session object %d has left the client's interest.", doID)
	default:
		c.unknow(doID, visible)
		c.sendObject(ObjectLeaving, doID)
	}
}

// sees reports whether a location is in the client's interest.
func (c *client) sees(location uint64) bool { return c.places[location].covers > 0 }

// vanish takes what is at locations that have left the client's interest out
// of its view.
func (c *client) vanish(locations []uint64) {
	if len(locations) == 0 {
		return
	}
	closed := make(map[uint64]struct{}, len(locations))
	for _, l := range locations {
		closed[l] = struct{}{}
	}
	var gone []uint32
	for doID, o := range c.objects {
		if o.ways&visible != 0 {
			if _, ok := closed[o.location]; ok {
				gone = append(gone, doID)
			}
		}
	}
	sortDoIDs(gone)
	for _, doID := range gone {
		if _, ok := c.sessions[doID]; ok {
			c.eject(CodeSessionObject, "The session object %d has left the client's interest.", doID)
			return
		}
		c.unknow(doID, visible)
		c.sendObject(ObjectLeaving, doID)
	}
}

// history is the objects that the client has known and that are gone. A client
// may send to one until it has heard that, so that such messages are ignored
// and not punished.
type history struct {
	left  map[uint32]time.Duration // when
	order []departure
}

type departure struct {
	doID uint32
	at   time.Duration
}

// add notes that an object has left. With a ttl those that are older are
// forgotten, with a limit those that are too many.
func (h *history) add(doID uint32, now, ttl time.Duration, limit int) {
	if h.left == nil {
		h.left = make(map[uint32]time.Duration)
	}
	h.left[doID] = now
	if ttl == 0 && limit == 0 {
		return // for ever
	}
	h.order = append(h.order, departure{doID, now})
	for len(h.order) > 0 && (limit > 0 && len(h.order) > limit || ttl > 0 && h.order[0].at+ttl <= now) {
		d := h.order[0]
		h.order = h.order[1:]
		if at, ok := h.left[d.doID]; ok && at == d.at {
			delete(h.left, d.doID)
		}
	}
}

// has reports whether an object has left less than ttl ago; 0 is for ever.
func (h *history) has(doID uint32, now, ttl time.Duration) bool {
	at, ok := h.left[doID]
	return ok && (ttl == 0 || now-at < ttl)
}

// knew reports whether the client has seen or owned an object and then not any
// more, even if it is back.
func (c *client) knew(doID uint32) bool {
	return c.history.has(doID, c.agent.clock(), c.agent.settings.HistoricalTTL)
}
