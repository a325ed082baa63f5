package snapshot

import (
	"encoding/binary"
	"math"

	"github.com/culm-net/culm/internal/object"
)

// zoneField is the inherited index that stands for the zone; no class has as
// many fields.
const zoneField = math.MaxUint16

// headerSize is how long the header of a Plain snapshot is: uint32 tick, uint8
// isDelta, uint16 objectCount.
const headerSize = 7

func appendUint16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }
func appendUint32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// appendFields appends the fields with a stamp after the given one, and returns
// how many they are.
func appendFields(dst []byte, s *object.State, after uint32) ([]byte, int) {
	l, n := s.Layout(), 0
	for k := range l.Len() {
		if s.StampAt(k) > after {
			dst = appendUint16(dst, uint16(l.Index(k)))
			dst = append(dst, s.At(k)...)
			n++
		}
	}
	return dst, n
}

// makePiece encodes what changed after the tick before, for all who hold that
// and nothing later, or something earlier that makes no difference.
func (o *Object) makePiece(before uint32) {
	s := o.state
	o.since, o.until = 0, math.MaxUint32
	for k := range s.Layout().Len() {
		if stamp := s.StampAt(k); stamp <= before {
			o.since = max(o.since, stamp)
		} else {
			o.until = min(o.until, stamp)
		}
	}
	b := append(appendUint32(o.piece[:0], o.id), 0)
	start := len(b)
	b, n := appendFields(b, s, before)
	if n == 0 {
		o.until = 0 // only the zone changed
		return
	}
	size := len(b) - start
	o.piece = putLength(b, start)
	o.fields, o.body = uint16(n), uint16(len(o.piece)-size)
}

// putLength writes the length of b[start:], for which there is one byte before
// it, and makes room if that is not enough.
func putLength(b []byte, start int) []byte {
	size := len(b) - start
	if size < 0x80 {
		b[start-1] = byte(size)
		return b
	}
	var prefix [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(prefix[:], uint64(size))
	b = append(b, prefix[:n-1]...)
	copy(b[start+n-1:], b[start:start+size])
	copy(b[start-1:], prefix[:n])
	return b
}

// appendRecord appends what the object changed after a tick, in the extension
// dialect.
func (o *Object) appendRecord(dst []byte, after uint32) []byte {
	if after >= o.since && after < o.until && o.moved <= after {
		return append(dst, o.piece...)
	}
	dst = append(appendUint32(dst, o.id), 0)
	start := len(dst)
	dst, _ = appendFields(dst, o.state, after)
	if o.moved > after {
		dst = appendUint32(appendUint16(dst, zoneField), o.zone.id)
	}
	return putLength(dst, start)
}

// appendPlain does so in the dialect of panda3d-pipes. It appends nothing when
// no field changed.
func (o *Object) appendPlain(dst []byte, after uint32) []byte {
	if after >= o.since && after < o.until {
		dst = appendUint32(dst, o.id)
		dst = appendUint16(dst, o.fields)
		return append(dst, o.piece[o.body:]...)
	}
	start := len(dst)
	dst = appendUint16(appendUint32(dst, o.id), 0)
	dst, n := appendFields(dst, o.state, after)
	if n == 0 {
		return dst[:start]
	}
	binary.LittleEndian.PutUint16(dst[start+4:], uint16(n))
	return dst
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
	i := 0 // of the span that the slot is in
	for _, slot := range w.order {
		for i+1 < len(now) && now[i+1].from <= slot {
			i++
		}
		o, after := x.object(slot), now[i].tick
		if o.changed <= after {
			continue
		}
		if len(v.pending) > 0 && v.waitsFor(slot) {
			continue
		}
		n := len(w.data)
		if v.cfg.Plain {
			w.data = o.appendPlain(w.data, after)
		} else {
			w.data = o.appendRecord(w.data, after)
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
	dst = appendUint32(dst, w.index.tick)
	if v.full() {
		return append(dst, 0, 0, 0)
	}
	return append(dst, 1, 0, 0)
}

func setCount(data []byte, n int) { binary.LittleEndian.PutUint16(data[headerSize-2:], uint16(n)) }

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
