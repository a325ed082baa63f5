package snapshot

import (
	"encoding/binary"
	"math"

	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/pipes/wire"
)

// plainHeader is how long a Plain snapshot is before its first object.
const plainHeader = wire.SnapshotCountOffset + 2

// piece is what changed of an object in the tick of its last change, encoded: what
// everybody is sent who holds a tick from since up to, but not including, until.
type piece struct {
	data         []byte
	since, until uint32 // until is 0 when there is no such thing
}

func (p *piece) suits(after uint32) bool { return after >= p.since && after < p.until }

// makePieces encodes what changed after the tick before, for all who hold that
// and nothing later, or something earlier that makes no difference. It is done
// for those dialects only that have a view.
func (w *worker) makePieces(o *Object) {
	x := w.index
	record, plain := x.piece(o.slot, false), x.piece(o.slot, true)
	record.until = 0
	if plain.until > 0 { // else its memory need not be fetched to be written
		plain.until = 0
	}
	if o.zone == nil || len(o.zone.subs) == 0 {
		return
	}
	// Who is told the zone is told it like a field; for the others it is only a
	// reason to encode anew.
	since, until := o.moved, uint32(math.MaxUint32)
	if o.moved > x.before {
		since, until = 0, o.moved
	}
	for k := range o.state.Layout().Len() {
		if stamp := o.state.StampAt(k); stamp <= x.before {
			since = max(since, stamp)
		} else {
			until = min(until, stamp)
		}
	}
	if x.plain < len(x.views) {
		*record = piece{appendRecord(record.data[:0], o, x.before), since, until}
	}
	if x.plain > 0 {
		*plain = piece{w.appendPlain(plain.data[:0], o, x.before), since, until}
	}
}

// encode appends what of the object changed after a tick. Nothing is appended when
// nothing changed.
func (w *worker) encode(dst []byte, o *Object, after uint32, plain bool) []byte {
	switch {
	case o.changed <= after:
		return dst
	case plain:
		return w.appendPlain(dst, o, after)
	default:
		return appendRecord(dst, o, after)
	}
}

// appendRecord does so in the extension dialect.
func appendRecord(dst []byte, o *Object, after uint32) []byte {
	s := o.state
	l := s.Layout()
	b := wire.BeginRecord(dst, o.id)
	from := len(b)
	if o.moved > after {
		b = wire.AppendRecordZone(b, o.zone.id)
	}
	for k := range l.Len() {
		if s.StampAt(k) > after {
			b = wire.AppendRecordField(b, l.Index(k), s.At(k))
		}
	}
	if len(b) == from {
		return dst
	}
	return wire.EndRecord(b, from)
}

// appendPlain does so in the dialect of panda3d-pipes, which does not tell the
// zone.
func (w *worker) appendPlain(dst []byte, o *Object, after uint32) []byte {
	w.fields.Reset()
	addFields(&w.fields, o.state, after)
	if w.fields.Len() == 0 {
		return dst
	}
	// It fails for more fields than a Layout can have, and appends nothing then.
	dst, _ = wire.AppendSnapshotObject(dst, o.id, w.fields)
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
		for slot := range z.after(floor) {
			w.slots.add(slot)
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
		if waits && v.waitsFor(slot) {
			continue
		}
		after := now[i].tick
		n := len(w.data)
		if p := x.piece(slot, v.cfg.Plain); p.suits(after) {
			w.data = append(w.data, p.data...)
		} else {
			w.data = w.encode(w.data, x.object(slot), after, v.cfg.Plain)
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
