package ai

import (
	"slices"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Interest shows an AI the objects in zones that other AIs manage: with the
// values of their fields with broadcast or clrecv, as clients see them, and with
// their updates. Objects that the AI itself manages are not shown.
type Interest struct {
	ai     *AI
	parent uint32
	zones  []uint32
	enter  func(o *Object) any
	ready  func(err error)
	closed bool
}

// Watch opens an interest in zones of a parent. enter is called for each object
// when it comes into sight, and returns its handler or nil; its handler's Delete
// when it leaves. An object that several interests have is shown once. ready,
// if it is not nil, is called when all objects have come that were there; with
// ErrTimeout if some did not answer in time (they come later, or not at all, as
// where there is no such parent), with ErrLost if the link was lost. When the
// link is there again, everything is shown and ready is called anew.
func (a *AI) Watch(parent uint32, zones []uint32, enter func(o *Object) any, ready func(err error)) *Interest {
	zones = slices.Compact(slices.Sorted(slices.Values(zones)))
	i := &Interest{ai: a, parent: parent, zones: zones, enter: enter, ready: ready}
	a.opened = append(a.opened, i)
	for _, zone := range zones {
		place := Location{parent, zone}
		a.watched[place]++
		a.hear(place.channel())
	}
	if a.up {
		i.ask()
	}
	return i
}

// Parent and Zones return what the interest is in.
func (i *Interest) Parent() uint32  { return i.parent }
func (i *Interest) Zones() []uint32 { return slices.Clone(i.zones) }

// Close ends the interest. Objects that no other interest has leave.
func (i *Interest) Close() {
	if i.closed {
		return
	}
	i.closed = true
	a := i.ai
	a.opened = slices.DeleteFunc(a.opened, func(o *Interest) bool { return o == i })
	for _, zone := range i.zones {
		place := Location{i.parent, zone}
		a.ignore(place.channel())
		if a.watched[place]--; a.watched[place] == 0 {
			delete(a.watched, place)
		}
	}
	for _, o := range a.seen {
		if a.watched[o.place] == 0 {
			a.remove(o)
		}
	}
}

// ask asks for what is in the zones.
func (i *Interest) ask() {
	i.ai.askZones(i.parent, i.zones, nil, func(err error) {
		if !i.closed && i.ready != nil {
			i.ready(err)
		}
	})
}

func (i *Interest) has(place Location) bool {
	_, ok := slices.BinarySearch(i.zones, place.Zone)
	return ok && place.Parent == i.parent
}

// enter hears of an object, in an answer to a query if there is a context.
func (a *AI) enter(context uint32, r *datagram.Reader, others bool) error {
	o, err := a.head(r)
	if err != nil {
		return err
	}
	if err := o.fill(r, toClients, others); err != nil {
		return err
	}
	q := a.queries[context]
	if context == 0 || q == nil || q.response != md.StateServerObjectGetZonesCountResp {
		q = nil // it entered by itself, or too late, which makes it no less there
	}
	if q != nil && q.collect != nil {
		q.collect(o)
	} else {
		a.show(o)
	}
	if q != nil {
		q.came++
		q.check()
	}
	return nil
}

// show makes an object seen, unless it is.
func (a *AI) show(o *Object) {
	if a.seen[o.id] != nil || a.watched[o.place] == 0 {
		return
	}
	if own := a.objects[o.id]; own != nil && own.kind == managed {
		return
	}
	o.kind = viewed
	a.seen[o.id] = o
	for _, i := range a.opened {
		if i.has(o.place) {
			if i.enter != nil {
				o.handler = i.enter(o)
			}
			return
		}
	}
}
