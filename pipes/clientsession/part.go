package clientsession

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/culm-net/culm/pipes/wire"
)

// heldOverhead is what something that waits counts beyond its length.
const heldOverhead = 64

// heldPart is a part that waits for the structure that it builds on.
type heldPart struct {
	number, structure uint32
	arrived           time.Time
	body              []byte
}

func (p *heldPart) size() int { return heldOverhead + len(p.body) }

// heldParts are in order of their numbers, each there once.
type heldParts struct {
	list []heldPart
	size int
}

// receivePart takes Ext_Snapshot.
func (s *Session) receivePart(now time.Time, body []byte) error {
	m, err := wire.DecodePart(body)
	if err != nil {
		return err
	}
	// Also of parts that wait: they say how late it is on the server.
	s.clock.ServerTick(m.Tick)
	if wire.Newer(m.Structure, s.structure) {
		s.holdPart(heldPart{number: m.Number, structure: m.Structure, arrived: now, body: body})
		return nil
	}
	return s.applyPart(m, now)
}

// holdPart keeps a copy of a part. When they get too many, those with the
// lowest numbers go: what they say is in newer ones, as they were not
// acknowledged.
func (s *Session) holdPart(p heldPart) {
	h := &s.parts
	i, known := slices.BinarySearchFunc(h.list, p.number, func(p heldPart, number uint32) int { return int(int32(p.number - number)) })
	if known {
		s.stats.Repeated++
		return
	}
	p.body = bytes.Clone(p.body)
	h.list = slices.Insert(h.list, i, p)
	h.size += p.size()
	s.stats.Held++
	n := 0
	for ; h.size > s.config.MaxHeld; n++ {
		h.size -= h.list[n].size()
		s.stats.Dropped++
	}
	h.list = slices.Delete(h.list, 0, n)
}

// releaseParts applies the parts whose structure has come.
func (s *Session) releaseParts() error {
	h := &s.parts
	var err error
	h.list = slices.DeleteFunc(h.list, func(p heldPart) bool {
		if err != nil || s.phase == ended || wire.Newer(p.structure, s.structure) {
			return false
		}
		h.size -= p.size()
		var m wire.Part
		if m, err = wire.DecodePart(p.body); err == nil {
			err = s.applyPart(m, p.arrived)
		}
		return true
	})
	return err
}

// applyPart applies a part that arrived at a time, and notes to acknowledge it.
func (s *Session) applyPart(m wire.Part, arrived time.Time) error {
	if s.phase == ended {
		return nil
	}
	if !s.ack.Add(m.Number) {
		s.stats.Repeated++
		return nil
	}
	if s.ack.Last == m.Number {
		s.ackArrived = arrived
	}
	s.ackDue = true
	records := m.Records()
	for records.Next() {
		if err := s.applyRecord(m.Stamp, records.Record()); err != nil {
			return err
		}
		if s.phase == ended {
			return nil
		}
	}
	if err := records.Err(); err != nil {
		return err
	}
	s.stats.Snapshots++
	s.events.Snapshot(Snapshot{Tick: m.Tick, Whole: s.progress.add(&m)})
	return nil
}

// applyRecord applies a record, if it is about the object that the client has
// and newer than what it has of it.
func (s *Session) applyRecord(stamp wire.Stamp, r wire.Record) error {
	o := s.objects[r.DoID]
	if o == nil || wire.Newer(o.made.Structure, stamp.Structure) || o.has && !wire.Newer(stamp.Tick, o.tick) {
		s.stats.Passed++
		return nil
	}
	f := r.Fields(o.class)
	if err := s.read(&f); err != nil {
		return fmt.Errorf("object %d: %w", r.DoID, err)
	}
	if err := s.apply(o, stamp.Tick); err != nil {
		return err
	}
	from, moved := o.zone, false
	if r.HasZone {
		from, moved = o.move(r.Zone, stamp.Tick)
	}
	if o.life == Fresh {
		return s.appear(o)
	}
	if moved {
		if s.events.ZoneChanged(o, from); s.phase == ended {
			return nil
		}
	}
	s.updated(o)
	return nil
}

// progress counts the parts of the last snapshots, to know which are whole.
type progress struct {
	snapshots [4]struct {
		tick        uint32
		applied     uint32 // how many parts; 0 is a free place
		first, last uint32 // their numbers, 0 if not known yet
		partial     bool
	}
	next int // the place to use next
}

// add notes an applied part, and reports whether its snapshot is whole with it.
func (p *progress) add(m *wire.Part) bool {
	at := -1
	for i := range p.snapshots {
		if p.snapshots[i].applied > 0 && p.snapshots[i].tick == m.Tick {
			at = i
		}
	}
	if at < 0 {
		at = p.next
		p.next = (p.next + 1) % len(p.snapshots)
		p.snapshots[at].tick, p.snapshots[at].applied = m.Tick, 0
		p.snapshots[at].first, p.snapshots[at].last, p.snapshots[at].partial = 0, 0, false
	}
	sn := &p.snapshots[at]
	sn.applied++
	if m.Flags&wire.FirstPart != 0 {
		sn.first = m.Number
	}
	if m.Flags&wire.LastPart != 0 {
		sn.last = m.Number
		sn.partial = m.Flags&wire.PartialSnapshot != 0
	}
	if sn.first == 0 || sn.last == 0 || sn.partial {
		return false
	}
	return sn.applied == sn.last-sn.first+1
}
