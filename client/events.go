package client

import "github.com/culm-net/culm/pipes/clientsession"

// events passes on what happens in a session.
type events struct{ c *Client }

var _ clientsession.Events = events{}

func (e events) Welcomed() {
	c := e.c
	c.state = Connected
	c.retry.since = c.now
	c.meter.connects++
	c.restoreInterest()
	if f := c.config.Events.Connected; f != nil {
		f()
	}
}

func (e events) Generated(so *clientsession.Object) {
	o := &Object{object: so, client: e.c, class: e.c.class(so.Class())}
	so.Data = o
	if f := o.class.factory(so.Owned()); f != nil {
		o.view = f(o)
	}
	if h, ok := o.view.(GenerateHandler); ok && !o.gone {
		h.Generate(o)
	}
}

func (e events) Announced(so *clientsession.Object) {
	o := so.Data.(*Object)
	if h, ok := o.view.(AnnounceGenerateHandler); ok {
		h.AnnounceGenerate(o)
	}
	if f := e.c.config.Events.Generated; f != nil && !o.gone {
		f(o)
	}
}

func (e events) Updating(so *clientsession.Object) {
	o := so.Data.(*Object)
	if h, ok := o.view.(PreDataUpdateHandler); ok {
		h.PreDataUpdate(o)
	}
}

func (e events) Updated(so *clientsession.Object, fields []int) {
	o := so.Data.(*Object)
	o.record()
	if h, ok := o.view.(PostDataUpdateHandler); ok {
		h.PostDataUpdate(o, fields)
	}
	if f := e.c.config.Events.Updated; f != nil && !o.gone {
		f(o, fields)
	}
}

func (e events) ZoneChanged(so *clientsession.Object, from uint32) {
	o := so.Data.(*Object)
	if h, ok := o.view.(ZoneHandler); ok {
		h.ZoneChanged(o, from)
	}
}

func (e events) Message(so *clientsession.Object, m clientsession.Message) {
	o := so.Data.(*Object)
	if h, ok := o.view.(MessageHandler); ok {
		h.Message(o, m)
	} else if f := e.c.config.Events.Message; f != nil {
		f(o, m)
	}
}

func (e events) Removed(so *clientsession.Object) {
	so.Data.(*Object).remove(so.Lifecycle())
}

func (e events) InterestComplete(id uint32) { e.c.interest.complete(id) }

func (e events) Snapshot(s clientsession.Snapshot) {
	c := e.c
	c.known.snapshot(c.session, s)
	c.meter.snapshot(s.Tick)
	if f := c.config.Events.Snapshot; f != nil {
		f(s)
	}
}

func (e events) RatesGranted(update, command uint16) {
	if f := e.c.config.Events.RatesGranted; f != nil {
		f(update, command)
	}
}

// Ended is noticed by check.
func (events) Ended(error) {}
