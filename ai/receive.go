package ai

import (
	"fmt"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// ear hears the channels of an AI.
type ear AI

// Receive is called inside with each message to one of the channels.
func (e *ear) Receive(m *md.Message) {
	a := (*AI)(e)
	if err := a.receive(m); err != nil {
		a.config.Log.Warn("the AI ignored a message", "type", m.Type, "sender", m.Sender, "err", err)
	}
}

// uberdogEar hears what is sent to an UberDOG.
type uberdogEar Object

// Receive is called inside with each message to the UberDOG.
func (e *uberdogEar) Receive(m *md.Message) {
	o := (*Object)(e)
	var err error
	switch m.Type {
	case md.StateServerObjectSetField, md.StateServerObjectSetFields:
		r := m.Reader()
		if id := r.Uint32(); r.Err() == nil && id != o.id {
			err = fmt.Errorf("it is for the object %d", id)
			break
		}
		err = o.takeAll(m, &r)
	default:
		o.ai.unknown(m)
	}
	if err != nil {
		o.ai.config.Log.Warn("the UberDOG ignored a message", "uberdog", o.id, "type", m.Type, "sender", m.Sender, "err", err)
	}
}

// takeAll takes one update or several.
func (o *Object) takeAll(m *md.Message, r *datagram.Reader) error {
	n := uint16(1)
	if m.Type == md.StateServerObjectSetFields {
		n = r.Uint16()
	}
	for range n {
		if o.kind == gone {
			return nil
		}
		if err := o.take(m.Sender, r); err != nil {
			return err
		}
	}
	return r.Err()
}

func (a *AI) unknown(m *md.Message) {
	if f := a.config.Events.Message; f != nil {
		f(uint16(m.Type), m.Sender, m.Payload)
	}
}

func (a *AI) receive(m *md.Message) error {
	r := m.Reader()
	switch m.Type {
	case md.StateServerObjectSetField, md.StateServerObjectSetFields:
		id := r.Uint32()
		if r.Err() != nil {
			return r.Err()
		}
		o := a.Object(id)
		if o == nil {
			a.unknown(m)
			return nil
		}
		if o.kind == managed && m.Sender == a.config.Channel {
			return nil // comes back by way of an interest
		}
		return o.takeAll(m, &r)

	case md.StateServerObjectDeleteRAM:
		id := r.Uint32()
		if r.Err() == nil {
			a.deleted(id, m.Sender)
		}

	case md.StateServerObjectChangingLocation:
		id := r.Uint32()
		to := Location{r.Uint32(), r.Uint32()}
		if r.Err() == nil {
			a.moved(id, to, m.Sender)
		}

	case md.StateServerObjectEnterAIWithRequired, md.StateServerObjectEnterAIWithRequiredOther:
		return a.adopt(&r, m.Type == md.StateServerObjectEnterAIWithRequiredOther)

	case md.StateServerObjectChangingAI:
		id, to := r.Uint32(), r.Uint64()
		if o := a.objects[id]; r.Err() == nil && o != nil && o.kind == managed && to != a.config.Channel {
			a.remove(o)
		}

	case md.StateServerObjectEnterLocationWithRequired, md.StateServerObjectEnterLocationWithRequiredOther:
		return a.enter(0, &r, m.Type == md.StateServerObjectEnterLocationWithRequiredOther)

	case md.StateServerObjectEnterInterestWithRequired, md.StateServerObjectEnterInterestWithRequiredOther:
		context := r.Uint32()
		if r.Err() != nil {
			return r.Err()
		}
		return a.enter(context, &r, m.Type == md.StateServerObjectEnterInterestWithRequiredOther)

	case md.StateServerObjectGetFieldResp, md.StateServerObjectGetFieldsResp, md.StateServerObjectGetAllResp,
		md.StateServerObjectGetLocationResp, md.StateServerObjectGetAIResp, md.StateServerObjectGetOwnerResp,
		md.StateServerObjectGetZonesCountResp, md.StateServerObjectGetZoneCountResp, md.StateServerObjectGetChildCountResp,
		md.StateServerObjectGetActiveZonesResp, md.ClientAgentGetNetworkAddressResp, md.ClientAgentGetTLVsResp:
		context := r.Uint32()
		q := a.queries[context]
		if r.Err() != nil || q == nil || q.response != m.Type {
			return r.Err() // an answer that came too late is nobody's fault
		}
		q.answer(&r)

	case md.ClientAgentDoneInterestResp:
		channel, id := r.Uint64(), r.Uint16()
		if f := a.config.Events.InterestDone; r.Err() == nil && f != nil {
			f(a.Session(channel), id)
		}

	default:
		a.unknown(m)
	}
	return r.Err()
}

// deleted hears that an object is gone.
func (a *AI) deleted(id uint32, sender uint64) {
	if o := a.seen[id]; o != nil {
		a.remove(o)
	}
	o := a.objects[id]
	if o == nil || o.kind != managed {
		return
	}
	if sender == a.graveSender() && o.born && o.tied == 0 {
		// The cluster has noticed only now that an earlier link was lost, after
		// the object had been created again.
		a.config.Log.Info("creating an object again that was deleted for an earlier link", "doId", id)
		if err := a.announce(o); err == nil {
			return
		}
	}
	a.remove(o)
}

// moved hears that somebody has moved an object.
func (a *AI) moved(id uint32, to Location, sender uint64) {
	for _, o := range []*Object{a.objects[id], a.seen[id]} {
		if o == nil || o.kind == uberdog || o.place == to {
			continue
		}
		from := o.place
		o.place = to
		if o.kind == viewed && a.watched[to] == 0 {
			a.remove(o)
			continue
		}
		if o.kind == managed && sender == a.config.Channel {
			continue // the state server confirms what Move did
		}
		if h, ok := o.handler.(MoveHandler); ok {
			h.Moved(o, from)
		}
	}
}

// adopt hears that the AI has become that of an object.
func (a *AI) adopt(r *datagram.Reader, others bool) error {
	o, err := a.head(r)
	if err != nil {
		return err
	}
	if known := a.objects[o.id]; known != nil {
		return nil // it was created here
	}
	if err := o.fill(r, toAI, others); err != nil {
		return err
	}
	o.kind = managed
	a.add(o)
	if f := a.config.Events.Adopted; f != nil {
		o.handler = f(o)
	}
	return nil
}

// head reads what each ENTER message begins with.
func (a *AI) head(r *datagram.Reader) (*Object, error) {
	o := &Object{ai: a, id: r.Uint32(), place: Location{r.Uint32(), r.Uint32()}}
	number := int(r.Uint16())
	if r.Err() != nil {
		return nil, r.Err()
	}
	if o.class = a.config.Schema.ClassByNumber(number); o.class == nil {
		return nil, fmt.Errorf("no dclass has the number %d; do the DC files differ?", number)
	}
	return o, nil
}
