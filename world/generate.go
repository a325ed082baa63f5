package world

import (
	"iter"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/internal/snapshot"
)

// Generate is what clients are told of an object that is new to them.
type Generate struct {
	Class      *dc.Class
	DoID, Zone uint32
	Values     *object.State // the baseline: all its fields

	object *Object
}

// Calls yields the last arguments of atomic fields, by inherited index: of all
// that are required, and of those that are ram and were set.
func (g *Generate) Calls() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		o := g.object
		fields := g.Class.Fields()
		l := o.class.calls
		for k := range l.Len() {
			index := l.Index(k)
			var args []byte
			switch {
			case o.calls != nil && (o.calls.StampAt(k) != unset || fields[index].Has(dc.Required)):
				args = o.calls.At(k)
			case fields[index].Has(dc.Required):
				args = fields[index].AppendDefault(nil)
			default:
				continue
			}
			if !yield(index, args) {
				return
			}
		}
	}
}

// Generate returns what encode makes of the object of a snapshot's event, and
// calls it only the first time in a tick (but by each goroutine that comes before
// the first is done), so that an object that many clients learn of is encoded
// once. It may be called by Viewer.Snapshot only, on several goroutines at a
// time; the result must not be modified and stays valid.
func (w *World) Generate(e *snapshot.Object, encode func(g *Generate) []byte) []byte {
	if b, ok := w.generates.Load(e.ID()); ok {
		return b.([]byte)
	}
	o := w.objects[e.ID()]
	b, _ := w.generates.LoadOrStore(e.ID(), encode(&Generate{
		Class: o.class.dc, DoID: o.id, Zone: o.zone, Values: o.values, object: o,
	}))
	w.generated.Store(true)
	return b.([]byte)
}
