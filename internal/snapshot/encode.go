package snapshot

import (
	"encoding/binary"
	"math"

	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/pipes/wire"
)

// plainHeader is how long a Plain snapshot is before its first object.
const plainHeader = wire.SnapshotCountOffset + 2

// encoder is what one goroutine needs to encode objects.
type encoder struct {
	contents []byte         // of a record
	fields   wire.FieldList // of an object in a Plain snapshot
}

// makePieces encodes what changed after the tick before, for all who hold that
// and nothing later, or something earlier that makes no difference. It is done
// for those dialects only that have a view.
func (e *encoder) makePieces(o *Object, before uint32, record, plain bool) {
	s := o.state
	l, b := s.Layout(), e.contents[:0]
	since, until := uint32(0), uint32(math.MaxUint32)
	for k := range l.Len() {
		if stamp := s.StampAt(k); stamp <= before {
			since = max(since, stamp)
		} else {
			until = min(until, stamp)
			b = wire.AppendRecordField(b, l.Index(k), s.At(k))
		}
	}
	e.contents, o.since, o.until = b, since, until
	o.forgetPieces()
	if record && len(b) > 0 {
		o.record = wire.AppendRecord(o.record, o.id, b)
	}
	if plain {
		o.plain = e.encodePlain(o.plain, o, before)
	}
}

// forgetPieces has everything encoded anew that is sent of the object.
func (o *Object) forgetPieces() { o.record, o.plain = o.record[:0], o.plain[:0] }

// suits tells whether the pieces have just the fields that changed after a tick.
func (o *Object) suits(after uint32) bool { return after >= o.since && after < o.until }

// appendRecord appends what of the object changed after a tick, in the extension
// dialect. Nothing is appended when nothing changed.
func (e *encoder) appendRecord(dst []byte, o *Object, after uint32) []byte {
	if o.moved <= after && o.suits(after) && len(o.record) > 0 {
		return append(dst, o.record...)
	}
	s := o.state
	l, b := s.Layout(), e.contents[:0]
	if o.moved > after {
		b = wire.AppendRecordZone(b, o.zone.id)
	}
	for k := range l.Len() {
		if s.StampAt(k) > after {
			b = wire.AppendRecordField(b, l.Index(k), s.At(k))
		}
	}
	e.contents = b
	if len(b) == 0 {
		return dst
	}
	return wire.AppendRecord(dst, o.id, b)
}

// appendPlain does so in the dialect of panda3d-pipes, which does not tell the
// zone.
func (e *encoder) appendPlain(dst []byte, o *Object, after uint32) []byte {
	if o.suits(after) && len(o.plain) > 0 {
		return append(dst, o.plain...)
	}
	return e.encodePlain(dst, o, after)
}

func (e *encoder) encodePlain(dst []byte, o *Object, after uint32) []byte {
	e.fields.Reset()
	addFields(&e.fields, o.state, after)
	if e.fields.Len() == 0 {
		return dst
	}
	// It fails for more fields than a Layout can have, and appends nothing then.
	dst, _ = wire.AppendSnapshotObject(dst, o.id, e.fields)
	return dst
}

// addFields adds the fields with a stamp after the given one.
func addFields(list *wire.FieldList, s *object.State, after uint32) {
	l := s.Layout()
	for k := range l.Len() {
		if s.StampAt(k) > after {
			list.Add(l.Index(k), s.At(k))
		}
	}
}

// AddBaseline adds all stored fields to a list, for wire.Generate's Baseline.
func AddBaseline(list *wire.FieldList, s *object.State) { addFields(list, s, 0) }

// baselineSize is how many bytes a generate has because of its baseline.
func baselineSize(o *Object) int {
	return 2 + 2*o.state.Layout().Len() + o.state.Size()
}

// collect encodes what the view does not hold, by slot.
func (w *worker) collect(v *View, set *zoneSet) {
	x := w.index
	now := held(nothing[:])
	if !v.full() {
		now = v.held
	}
	floor := now.floor()
	zones := set.zones
	if floor >= x.newest {
		zones = nil
	}
	for _, z := range zones {
		for o := z.head; o != nil && o.changed > floor; o = o.next {
			w.slots.add(o.slot)
		}
	}
	w.order = w.slots.take(w.order[:0])
	w.records, w.data, w.low = w.records[:0], w.data[:0], x.tick
	if v.cfg.Plain {
		w.data = w.appendHeader(w.data, v)
	}
	waits := v.waiting() > 0
	i := 0 // of the span that the slot is in
	for _, slot := range w.order {
		for i+1 < len(now) && now[i+1].from <= slot {
			i++
		}
		o, after := x.object(slot), now[i].tick
		if o.changed <= after {
			continue
		}
		if waits && v.waitsFor(slot) {
			continue
		}
		n := len(w.data)
		if v.cfg.Plain {
			w.data = w.appendPlain(w.data, o, after)
		} else {
			w.data = w.appendRecord(w.data, o, after)
		}
		if len(w.data) > n {
			w.records = append(w.records, record{slot, uint32(len(w.data)), after})
			w.low = min(w.low, after)
		}
	}
}

// nothing is what a client holds at first.
var nothing = [1]span{}

// appendHeader begins a Plain snapshot; the count is filled in by setCount.
func (w *worker) appendHeader(dst []byte, v *View) []byte {
	return wire.Snapshot{Tick: w.index.tick, Delta: !v.full()}.Append(dst)
}

func setCount(data []byte, n int) {
	binary.LittleEndian.PutUint16(data[wire.SnapshotCountOffset:], uint16(n))
}

// cut makes the parts of a whole snapshot, each for the slots from its first
// object to the next part's.
func (w *worker) cut(v *View) {
	w.parts = w.parts[:0]
	if v.cfg.Plain {
		setCount(w.data, len(w.records))
		w.parts = append(w.parts, Part{Data: w.data, Objects: len(w.records), to: noSlot})
		return
	}
	var begin, end, first uint32 // of the part: in data, in data, in slots
	n := 0                       // its objects
	for _, r := range w.records {
		if n > 0 && r.end-begin > uint32(v.cfg.PartSize) {
			w.parts = append(w.parts, w.part(v, begin, end, n, first, r.slot))
			begin, first, n = end, r.slot, 0
		}
		end = r.end
		n++
	}
	w.parts = append(w.parts, w.part(v, begin, end, n, first, noSlot))
}

func (w *worker) part(v *View, begin, end uint32, n int, from, to uint32) Part {
	return Part{
		Data: w.data[begin:end:end], Objects: n, Reliable: int(end-begin) > v.cfg.PartSize,
		from: from, to: to,
	}
}
