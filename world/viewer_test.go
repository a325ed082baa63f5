package world_test

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

// fakeViewer is a session without a network, written from the documentation of
// world.Viewer: it keeps what its client is shown as lines.
type fakeViewer struct {
	client *world.Client
	name   func(doID uint32) string // for the lines
	log    []string
	faults []string // what no client may see

	classes map[uint32]*dc.Class // of the objects that the client knows
	owned   map[uint32]bool
	zones   map[uint32]uint32
	held    []*world.Message
	acks    []uint32
}

func newFakeViewer(name func(uint32) string) *fakeViewer {
	return &fakeViewer{
		name: name, classes: make(map[uint32]*dc.Class), owned: make(map[uint32]bool), zones: make(map[uint32]uint32),
	}
}

func (v *fakeViewer) say(format string, args ...any) {
	v.log = append(v.log, fmt.Sprintf(format, args...))
}

func (v *fakeViewer) fault(format string, args ...any) {
	v.say(format, args...)
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

func (v *fakeViewer) Joined(c *world.Client) { v.client = c }

func (v *fakeViewer) Info() world.ClientInfo { return world.ClientInfo{Address: "192.0.2.1"} }

func (v *fakeViewer) Kick(reason string) { v.say("kicked: %s", reason) }

func (v *fakeViewer) Stop(reason string) { v.say("stopped: %s", reason) }

func (v *fakeViewer) Message(m *world.Message) {
	switch {
	case v.client.Knows(m.Object):
		v.tell(m)
	case m.Reliable:
		v.held = append(v.held, m)
	}
}

func (v *fakeViewer) tell(m *world.Message) {
	v.say("%s %s", v.name(m.Object.ID()), text(m.Field, m.Args))
}

// sealed does what a session does after a tick.
func (v *fakeViewer) sealed(uint32) {
	for _, seq := range v.acks {
		v.client.View().Ack(seq)
	}
	v.acks = v.acks[:0]
	rest := v.held[:0]
	for _, m := range v.held {
		switch {
		case v.client.Knows(m.Object):
			v.tell(m)
		case v.client.Awaits(m.Object):
			rest = append(rest, m)
		}
	}
	v.held = rest
}

func (v *fakeViewer) Snapshot(s *snapshot.Snapshot) {
	for _, e := range s.Events {
		switch {
		case e.Object != nil:
			v.generate(e)
			continue
		case e.Deleted:
			v.say("delete %s", v.name(e.ID))
		default:
			v.say("disable %s", v.name(e.ID))
		}
		if v.classes[e.ID] == nil {
			v.fault("%s goes, which it does not know", v.name(e.ID))
		}
		delete(v.classes, e.ID)
		delete(v.owned, e.ID)
		delete(v.zones, e.ID)
	}
	for i, p := range s.Parts {
		v.acks = append(v.acks, s.Seq+uint32(i))
		for b := p.Data; len(b) > 0; {
			b = v.record(b)
		}
	}
}

func (v *fakeViewer) generate(e snapshot.Event) {
	line := string(v.client.World().Generate(e.Object, func(g *world.Generate) []byte {
		parts := []string{fmt.Sprintf("%s %d", v.name(g.DoID), g.Zone)}
		for i, f := range g.Class.Fields() {
			if b := g.Values.Value(i); b != nil && string(b) != string(f.AppendDefault(nil)) {
				parts = append(parts, text(f, b))
			}
		}
		for i, args := range g.Calls() {
			parts = append(parts, text(g.Class.Fields()[i], args))
		}
		return []byte(strings.Join(parts, " ; "))
	}))
	if v.classes[e.ID] != nil {
		v.fault("%s comes once more", v.name(e.ID))
	}
	if e.Owned {
		v.say("generate-owner %s", line)
	} else {
		v.say("generate %s", line)
	}
	v.classes[e.ID] = v.client.World().Object(e.ID).Class()
	v.owned[e.ID] = e.Owned
	v.zones[e.ID] = e.Object.Zone()
}

// record reads one record of a part (docs/pipes.md, "Parts and records").
func (v *fakeViewer) record(b []byte) []byte {
	varint := func() uint64 {
		n, size := binary.Uvarint(b)
		b = b[size:]
		return n
	}
	id, size := uint32(varint()), varint()
	rest := b[size:]
	b = b[:size]
	var parts []string
	for len(b) > 0 {
		key := varint()
		if key == 0 {
			v.zones[id] = binary.LittleEndian.Uint32(b)
			parts = append(parts, fmt.Sprintf("zone %d", v.zones[id]))
			b = b[4:]
			continue
		}
		if v.classes[id] == nil {
			v.fault("state of object %d, which it does not know", id)
			return rest
		}
		f := v.classes[id].Fields()[key-1]
		n, err := f.CheckPrefix(b)
		if err != nil {
			v.fault("%v", err)
			return rest
		}
		parts = append(parts, text(f, b[:n]))
		b = b[n:]
	}
	v.say("%s %s", v.name(id), strings.Join(parts, " ; "))
	return rest
}

// text is a field's value as a person writes it, "hp = 50" or "setTeam (team = 1)".
func text(f *dc.Field, packed []byte) string {
	b, err := f.AppendText(nil, packed)
	if err != nil {
		return err.Error()
	}
	if f.Kind() == dc.Parameter {
		return string(b)
	}
	return f.Name() + " " + string(b)
}
