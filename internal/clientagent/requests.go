package clientagent

import (
	"time"

	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/session"
)

// do lets a client's message take effect, or says why the client must go.
func (c *client) do(q *request) *ejection {
	c.agent.count.received(q.typ)
	if err := c.allowed(q); err != nil {
		return err
	}
	if q.cut != nil {
		return q.cut
	}
	switch q.typ {
	case Hello:
		return c.greet(q)
	case Disconnect:
		c.leave("the client said goodbye")
	case Heartbeat:
		c.agent.heartbeats.renew(c.agent.clock(), c.heartbeat)
		return q.fault
	case ObjectSetField:
		return c.update(q)
	case ObjectLocation:
		return c.relocate(q)
	case AddInterest, AddInterestMultiple:
		return c.openInterest(q)
	case RemoveInterest:
		return c.closeInterest(q)
	}
	return nil
}

// allowed says what is wrong with sending a message of this type, in the
// session's state and at all here.
func (c *client) allowed(q *request) *ejection {
	switch {
	case q.typ == 0 && q.cut != nil:
		return q.cut // without a type, in every state
	case c.state == StateNew && q.typ != Hello:
		return because(CodeNoHello, "The first message must be a hello, and was %d.", q.typ)
	case c.state == StateNew:
		return nil
	}
	switch q.typ {
	case Disconnect, Heartbeat, ObjectSetField:
		return nil
	case ObjectLocation, AddInterest, AddInterestMultiple, RemoveInterest:
		s := c.agent.settings
		switch {
		case c.state != StateEstablished:
			return because(CodeInvalidType, "Message %d is not allowed before the login.", q.typ)
		case q.typ == ObjectLocation && !s.Relocate:
			return because(CodeForbiddenRelocate, "Clients may not move objects here.")
		case q.typ != ObjectLocation && s.Interest == InterestDisabled:
			return because(CodeForbiddenInterest, "Clients may not open or close interest here.")
		}
		return nil
	}
	return because(CodeInvalidType, "Message %d is not allowed.", q.typ)
}

func (c *client) greet(q *request) *ejection {
	s := c.agent.settings
	if q.version != s.Version {
		if s.HideVersion {
			return because(CodeBadVersion, "The client has another version than the server.")
		}
		return because(CodeBadVersion, "The client has version %.64q and the server %q.", q.version, s.Version)
	}
	if q.hash != s.Hash {
		if s.HideHash {
			return because(CodeBadHash, "The client's DC hash is not the server's.")
		}
		return because(CodeBadHash, "The client's DC hash is %#x and the server's %#x.", q.hash, s.Hash)
	}
	if q.fault != nil {
		return q.fault
	}
	c.agent.heartbeats.renew(c.agent.clock(), c.heartbeat)
	c.agent.begin(HelloResp)
	c.sendWritten()
	if !c.over {
		c.state = StateAnonymous
	}
	return nil
}

// update passes a field update on to its object (astron.md section 7.4).
func (c *client) update(q *request) *ejection {
	o, known := c.lookup(q.doID)
	if !known {
		if c.knew(q.doID) {
			return nil
		}
		return because(CodeMissingObject, "The client does not know the object %d.", q.doID)
	}
	if c.state != StateEstablished && !c.agent.settings.uberDOGs[q.doID].anonymous {
		return because(CodeAnonymousViolation, "The object %d is only for clients that are logged in.", q.doID)
	}
	if q.field == nil || o.class.Field(int(q.number)) == nil {
		return because(CodeForbiddenField, "%v has no field %d.", o.class, q.number)
	}
	if !q.field.Has(dc.ClSend) && !(q.field.Has(dc.OwnSend) && o.ways&owned != 0) && !c.maySend(q.doID, q.number) {
		return because(CodeForbiddenField, "The client may not send %v of object %d.", q.field, q.doID)
	}
	if q.fault != nil {
		return q.fault
	}
	b := c.agent.director.Emit(&c.participant)
	w := b.Begin(md.StateServerObjectSetField, c.id, uint64(q.doID))
	w.Uint32(q.doID)
	w.Uint16(q.number)
	w.Bytes(q.value)
	if err := b.End(); err != nil {
		return because(CodeOversized, "An update of %v is too long to be passed on.", q.field)
	}
	return nil
}

// relocate passes a move on to the object that the client owns.
func (c *client) relocate(q *request) *ejection {
	if o := c.objects[q.doID]; o.ways&owned == 0 {
		switch {
		case c.knew(q.doID): // also when it is back: this was sent before, as far as one can tell
			return nil
		case o.ways&visible != 0:
			return because(CodeForbiddenRelocate, "The client may not move the object %d, which it does not own.", q.doID)
		}
		return because(CodeMissingObject, "The client does not know the object %d.", q.doID)
	}
	if q.fault != nil {
		return q.fault
	}
	b := c.agent.director.Emit(&c.participant)
	w := b.Begin(md.StateServerObjectSetLocation, c.id, uint64(q.doID))
	w.Uint32(q.parent)
	w.Uint32(q.zone)
	_ = b.End() // it is short
	return nil
}

func (c *client) openInterest(q *request) *ejection {
	err, gone := c.mayLook(q.parent)
	if err != nil {
		return err
	}
	zones := q.zones
	for _, z := range zones {
		if !c.agent.settings.Zones.allows(z) {
			return because(CodeForbiddenInterest, "The client may not look into zone %d.", z)
		}
	}
	if problem := c.tooMuch(q.interest, len(zones)); problem != "" {
		return because(CodeForbiddenInterest, "Too much interest: %s.", problem)
	}
	if q.fault != nil {
		return q.fault
	}
	if gone {
		zones = nil // there is nothing to see any more
	}
	c.slowDown(len(zones))
	c.addInterest(q.interest, q.parent, zones, q.context, 0)
	return nil
}

func (c *client) closeInterest(q *request) *ejection {
	it, ok := c.interests[q.interest]
	if !ok {
		return because(CodeOther, "The client has no interest %d to remove.", q.interest)
	}
	if err, _ := c.mayLook(it.parent); err != nil {
		return err
	}
	if q.fault != nil {
		return q.fault
	}
	c.slowDown(len(it.zones))
	c.removeInterest(q.interest, q.context, 0)
	return nil
}

// zoneRate is how many zones a client may open and close. A change costs work
// for each of them, and some for each object that the client sees; a message
// can ask for much of it.
var zoneRate = session.Rate{PerSecond: 1000, Burst: 20_000}

// How many objects cost as much as a zone: of those that the client sees, and of
// those that answer a question.
const (
	objectsPerZone = 64
	answersPerZone = 4
)

// slowDown lets a client be read later that changes its interest too much.
func (c *client) slowDown(zones int) {
	c.spend(float64(1 + zones + len(c.objects)/objectsPerZone))
}

// spend counts what a change of interest has cost, in zones.
func (c *client) spend(zones float64) {
	now := time.Time{}.Add(c.agent.clock())
	c.hold(c.changes.Spend(now, zoneRate, zones))
}

// mayLook says whether the client may open or close interest in zones of a
// parent; gone means that it might, if the parent had not just left.
func (c *client) mayLook(parent uint32) (err *ejection, gone bool) {
	if c.agent.settings.Interest == InterestVisible {
		if _, known := c.lookup(parent); known {
			return nil, false
		}
		if c.knew(parent) {
			return nil, true
		}
		return because(CodeForbiddenInterest, "The client may not look into zones of object %d, which it does not know.", parent), false
	}
	if md.ReservedDoID(parent) {
		// Its locations are channels of others: of all roles and sessions (0),
		// of what parents tell their children, of databases' news.
		return because(CodeForbiddenInterest, "There is no object %d to look into.", parent), false
	}
	return nil, false
}
