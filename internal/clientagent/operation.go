package clientagent

import (
	"container/list"
	"slices"
	"time"

	md "github.com/culm-net/culm/internal/messagedirector"
)

// operation is the asking for the objects of zones that are new to a client's
// interest. It ends when as many as were announced have answered, or after
// the interest timeout; until then what it tells of the client's future
// objects is held back, so that the client sees them all at once and nothing
// that comes before.
type operation struct {
	context  uint32
	began    time.Duration
	byClient bool // the client has asked for it, and not a server
	asked    bool // its query was sent, see maxAsking
	ended    bool // it is over, and remains only until its answers have come
	timer    *list.Element
	parent   uint32
	zones    []uint32 // that it asks for
	wanted   int      // how many of them are still in the client's interest
	counted  bool     // it is known how many objects there are
	total    uint32
	answered uint32
	entered  []held // objects that have answered, in this order
	queue    []held // what else came about objects that wait
	waiters  []*waiter
	bytes    int    // what it holds, for the limit
	room     []byte // where payloads are kept next, up to its capacity
}

// held is a message that was held back.
type held struct {
	doID    uint32 // 0 if it was overtaken and does not count any more
	message md.Message
}

const (
	// maxZonesOfQuery keeps a query below the longest message.
	maxZonesOfQuery = 16_000
	// maxAsking is how many queries of a client are under way at once. Further
	// ones wait for the answers. A few bytes of a client can make any number of
	// objects answer; with these it does not ask again for what it has not got,
	// and an interest that is closed before its turn costs nothing.
	maxAsking = 32
	// heldCost and waiterCost are the bytes that a held message costs beside
	// its own, and a waiter.
	heldCost   = 128
	waiterCost = 64
	// maxAhead is for how many objects room is made when they are announced,
	// and maxRoom the bytes that are allocated at once for several payloads.
	maxAhead = 256
	maxRoom  = 1 << 10
	// ctxSize is the length of a context.
	ctxSize = 4
)

// query asks the children of a parent in some zones to enter, at once or when
// it is its turn.
func (c *client) query(parent uint32, zones []uint32, byClient bool) {
	op := &operation{context: c.nextContext(), began: c.agent.clock(), byClient: byClient, parent: parent, zones: zones, wanted: len(zones)}
	if c.operations == nil {
		c.operations = make(map[uint32]*operation)
		c.pending = make(map[uint32]*operation)
	}
	c.operations[op.context] = op
	for _, z := range zones {
		l := md.LocationChannel(parent, z)
		p := c.places[l]
		p.opening = op
		c.places[l] = p
	}
	if c.asking < maxAsking {
		c.ask(op)
	} else {
		c.line = append(c.line, op)
	}
}

// ask sends the query of an operation.
func (c *client) ask(op *operation) {
	a := c.agent
	c.asking++
	op.asked = true
	op.timer = a.operations.add(a.clock(), func() {
		if !op.ended {
			a.count.timeouts++
			c.finish(op)
		}
		c.land(op)
	})
	b := a.director.Emit(&c.participant)
	w := b.Begin(md.StateServerObjectGetZonesObjects, c.id, uint64(op.parent))
	w.Uint32(op.context)
	w.Uint32(op.parent)
	w.Uint16(uint16(len(op.zones)))
	for _, z := range op.zones {
		w.Uint32(z)
	}
	_ = b.End() // maxZonesOfQuery keeps it short enough
}

// land is called when no more answers of an operation come, or none are waited
// for any more. It is the turn of the next one then.
func (c *client) land(op *operation) {
	if c.over {
		return
	}
	delete(c.operations, op.context)
	c.agent.operations.remove(op.timer)
	for c.asking--; c.asking < maxAsking && len(c.line) > 0; c.line = c.line[1:] {
		if next := c.line[0]; !next.ended {
			c.ask(next)
		}
	}
}

// counted is the answer that says how many objects will come.
func (c *client) counted(m *md.Message) {
	r := m.Reader()
	ctx, n := r.Uint32(), r.Uint32()
	if r.Err() != nil {
		c.warn(m, "it ends too early")
		return
	}
	if op := c.operations[ctx]; op != nil && !op.counted {
		op.counted, op.total = true, n
		if op.byClient {
			c.spend(float64(n) / answersPerZone)
		}
		if op.ended {
			c.finishIfComplete(op)
			return
		}
		ahead := int(min(n, maxAhead))
		op.entered = slices.Grow(op.entered, ahead)
		if len(c.pending) == 0 && ahead > 0 {
			c.pending = make(map[uint32]*operation, ahead)
		}
		c.finishIfComplete(op)
	}
}

// entersInterest is an object that answers a query.
func (c *client) entersInterest(m *md.Message) {
	if len(m.Payload) < ctxSize {
		c.warn(m, "it ends too early")
		return
	}
	r := m.Reader()
	ctx := r.Uint32()
	e := readEntry(m.Payload[ctxSize:])
	if e.err != nil {
		c.warn(m, "it ends too early")
		return
	}
	op := c.operations[ctx]
	if op == nil || op.ended {
		// It comes after the timeout, and better late than never.
		c.agent.count.late++
		c.arrives(m, e, ctxSize)
		if op != nil {
			op.answered++
			c.finishIfComplete(op)
		}
		return
	}
	if c.objects[e.doID].ways&visible == 0 {
		// It says how the object is now, so that what came about it earlier
		// does not matter any more.
		c.overtake(e.doID)
		if c.over {
			return
		}
		c.pending[e.doID] = op
		op.entered = append(op.entered, c.keep(op, m, e.doID))
	}
	op.answered++
	c.finishIfComplete(op)
	c.limitPending()
}

// entersLocation is an object that has come to a location.
func (c *client) entersLocation(m *md.Message) {
	e := readEntry(m.Payload)
	if e.err != nil {
		c.warn(m, "it ends too early")
		return
	}
	c.arrives(m, e, 0)
}

// arrives lets an object enter that nobody has counted: at once, or when the
// client is told what else is there. If the client does not look there any
// more, it is an answer to a question that is forgotten.
func (c *client) arrives(m *md.Message, e entry, skip int) {
	if c.objects[e.doID].ways&visible == 0 {
		op := c.pending[e.doID]
		if op == nil {
			op = c.places[e.location].opening
		}
		if op != nil {
			c.pending[e.doID] = op
			op.queue = append(op.queue, c.keep(op, m, e.doID))
			c.limitPending()
			return
		}
	}
	if _, opened := c.opened[e.location]; opened || c.sees(e.location) {
		c.enter(m, e, skip)
	}
}

// holdBack keeps a message about an object that waits to enter until it has,
// so that all that is said about an object takes effect in its order. It
// reports false for other messages.
func (c *client) holdBack(m *md.Message) bool {
	switch m.Type {
	case md.StateServerObjectSetField, md.StateServerObjectSetFields, md.StateServerObjectDeleteRAM,
		md.StateServerObjectChangingLocation, md.StateServerObjectChangingOwner,
		md.StateServerObjectEnterOwnerWithRequired, md.StateServerObjectEnterOwnerWithRequiredOther:
	default:
		return false
	}
	r := m.Reader()
	doID := r.Uint32()
	op := c.pending[doID]
	if op == nil || r.Err() != nil {
		return false
	}
	if _, ok := c.sessions[doID]; ok && m.Type == md.StateServerObjectDeleteRAM {
		return false // the end of the session does not wait
	}
	op.queue = append(op.queue, c.keep(op, m, doID))
	c.limitPending()
	return true
}

func (c *client) keep(op *operation, m *md.Message, doID uint32) held {
	c.charge(op, len(m.Payload)+heldCost)
	return held{doID, md.Message{Sender: m.Sender, Type: m.Type, Payload: op.clone(m.Payload)}}
}

// clone copies a payload to where others are, in allocations that grow with
// what is held.
func (op *operation) clone(b []byte) []byte {
	if cap(op.room)-len(op.room) < len(b) {
		op.room = make([]byte, 0, max(len(b), min(2*cap(op.room), maxRoom)))
	}
	at := len(op.room)
	op.room = append(op.room, b...)
	return op.room[at:len(op.room):len(op.room)]
}

// overtake ends the waiting of an object that enters with newer values. What is
// held back about it tells the client nothing any more, unless it knows the
// object otherwise, as its owner.
func (c *client) overtake(doID uint32) {
	op := c.pending[doID]
	if op == nil {
		return
	}
	delete(c.pending, doID)
	for i := range op.entered {
		if op.entered[i].doID == doID {
			op.entered[i] = held{}
		}
	}
	for i := range op.queue {
		h := op.queue[i]
		if h.doID != doID {
			continue
		}
		op.queue[i] = held{}
		if _, enters := entering(h.message.Type); !enters && !c.over {
			c.handle(&h.message)
		}
	}
}

// entering reports whether a message lets an object enter the client's view,
// and how many bytes of its payload come before what says which.
func entering(t md.Type) (skip int, ok bool) {
	switch t {
	case md.StateServerObjectEnterInterestWithRequired, md.StateServerObjectEnterInterestWithRequiredOther:
		return ctxSize, true
	case md.StateServerObjectEnterLocationWithRequired, md.StateServerObjectEnterLocationWithRequiredOther:
		return 0, true
	}
	return 0, false
}

func (c *client) charge(op *operation, n int) {
	op.bytes += n
	c.held += n
	c.agent.count.pendingBytes += n
}

// limitPending ends operations early when too much is held back.
func (c *client) limitPending() {
	limit := c.agent.settings.Limits.Pending
	if limit == 0 {
		return
	}
	for c.held > limit && !c.over {
		var largest *operation
		for _, op := range c.operations {
			if largest == nil || op.bytes > largest.bytes || op.bytes == largest.bytes && op.context < largest.context {
				largest = op
			}
		}
		c.agent.count.timeouts++
		c.finish(largest)
	}
}

func (c *client) finishIfComplete(op *operation) {
	if op.counted && op.answered >= op.total {
		c.finish(op)
		c.land(op)
	}
}

// finish ends an operation: its objects enter, who waits is told, and then
// everything else happens that came meanwhile, as if it came now. Unless it has
// landed, answers may still come.
func (c *client) finish(op *operation) {
	if c.over || op.ended {
		return
	}
	a := c.agent
	op.ended = true
	if !op.asked {
		delete(c.operations, op.context)
	}
	a.count.operations++
	a.count.operationTime += a.clock() - op.began
	a.count.pendingBytes -= op.bytes
	c.held -= op.bytes
	for _, z := range op.zones {
		l := md.LocationChannel(op.parent, z)
		if p := c.places[l]; p.opening == op {
			p.opening = nil
			c.places[l] = p
		}
	}
	for _, list := range [][]held{op.entered, op.queue} {
		for _, h := range list {
			if c.pending[h.doID] == op {
				delete(c.pending, h.doID)
			}
		}
	}
	c.leaveOut(op)
	if n := len(op.entered); c.objects == nil && n > 0 {
		c.objects = make(map[uint32]object, n)
	}
	entered, waiters, queue := op.entered, op.waiters, op.queue
	op.zones, op.entered, op.waiters, op.queue, op.room, op.bytes = nil, nil, nil, nil, nil, 0
	for i := range entered {
		if entered[i].doID != 0 {
			c.replay(&entered[i].message)
		}
	}
	for _, w := range waiters {
		if w.left--; w.left == 0 {
			c.done(w)
		}
	}
	for i := range queue {
		if queue[i].doID != 0 {
			c.replay(&queue[i].message)
		}
	}
}

// leaveOut takes out what op holds about session objects from before they become
// the client's own: these are never announced as visible, and the client learns
// how they are by owning them.
func (c *client) leaveOut(op *operation) {
	if len(c.sessions) == 0 {
		return
	}
	drop := func(list []held, doID uint32) {
		for i := range list {
			if h := &list[i]; h.doID == doID && h.message.Type != md.StateServerObjectChangingOwner {
				*h = held{}
			}
		}
	}
	for i := range op.queue {
		h := &op.queue[i]
		switch h.message.Type {
		case md.StateServerObjectEnterOwnerWithRequired, md.StateServerObjectEnterOwnerWithRequiredOther:
			if _, ok := c.sessions[h.doID]; ok {
				drop(op.entered, h.doID)
				drop(op.queue[:i], h.doID)
			}
		}
	}
}

// replay handles a message that was held back.
func (c *client) replay(m *md.Message) {
	if c.over {
		return
	}
	skip, enters := entering(m.Type)
	if !enters {
		c.handle(m)
		return
	}
	c.arrives(m, readEntry(m.Payload[skip:]), skip)
}
