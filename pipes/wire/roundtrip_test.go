package wire

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"pgregory.net/rapid"
)

// roundTrip draws a message, writes it behind other bytes, and reads it.
func roundTrip[M any](draw func(*rapid.T) M, write func(M, []byte) ([]byte, error), read func(Type, []byte) (M, error)) func(*testing.T) {
	return rapid.MakeCheck(func(t *rapid.T) {
		m := draw(t)
		b, err := write(m, []byte("before"))
		if err != nil || !bytes.HasPrefix(b, []byte("before")) {
			t.Fatalf("%+v: %q, %v", m, b, err)
		}
		typ, body, err := Split(b[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(typ, body)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("read %+v, %v\nwrote %+v", got, err, m)
		}
	})
}

func untyped[M any](read func([]byte) (M, error)) func(Type, []byte) (M, error) {
	return func(_ Type, body []byte) (M, error) { return read(body) }
}

func sure[M any](write func(M, []byte) []byte) func(M, []byte) ([]byte, error) {
	return func(m M, b []byte) ([]byte, error) { return write(m, b), nil }
}

func drawExtension(t *rapid.T) (e Extension) {
	if e.Present = rapid.Bool().Draw(t, "extension"); e.Present {
		e.Features = Features(rapid.Uint32().Draw(t, "features"))
	}
	return e
}

// drawRate draws a rate that fits the dialect.
func drawRate(t *rapid.T, extended bool) uint16 {
	if extended {
		return rapid.Uint16Min(1).Draw(t, "rate")
	}
	return rapid.Uint16Range(1, 255).Draw(t, "rate")
}

func drawWelcome(t *rapid.T, e Extension) Welcome {
	if e.Present {
		return Welcome{rapid.Uint32().Draw(t, "client"), rapid.Uint16Min(1).Draw(t, "rate"), rapid.Uint32().Draw(t, "tick"),
			rapid.Uint16().Draw(t, "update"), rapid.Uint16().Draw(t, "command")}
	}
	return Welcome{ClientID: rapid.Uint32Max(0xffff).Draw(t, "client"), TickRate: rapid.Uint16Range(1, 255).Draw(t, "rate"), Tick: rapid.Uint32().Draw(t, "tick")}
}

func drawStamp(t *rapid.T) Stamp {
	return Stamp{rapid.Uint32().Draw(t, "structure"), rapid.Uint32().Draw(t, "tick")}
}

func drawBytes(t *rapid.T) []byte {
	return append([]byte{}, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")...)
}

func oneOf(types ...Type) *rapid.Generator[Type] { return rapid.SampledFrom(types) }

func TestRoundTrip(t *testing.T) {
	t.Run("hello", roundTrip(func(t *rapid.T) Hello {
		e := drawExtension(t)
		return Hello{rapid.String().Draw(t, "password"), rapid.Uint32().Draw(t, "hash"), drawRate(t, e.Present), drawRate(t, e.Present),
			rapid.Float32Range(0, 1e9).Draw(t, "interp"), e}
	}, Hello.Append, untyped(DecodeHello)))
	t.Run("hello response", roundTrip(func(t *rapid.T) HelloResponse {
		if rapid.Bool().Draw(t, "rejected") {
			return HelloResponse{Reason: rapid.String().Draw(t, "reason")}
		}
		m := HelloResponse{Accepted: true, WantAuth: rapid.Bool().Draw(t, "auth"), Extension: drawExtension(t)}
		if !m.WantAuth {
			m.Welcome = drawWelcome(t, m.Extension)
		}
		return m
	}, HelloResponse.Append, untyped(DecodeHelloResponse)))
	t.Run("authenticate request", roundTrip(func(t *rapid.T) AuthenticateRequest {
		return AuthenticateRequest{drawBytes(t)}
	}, AuthenticateRequest.Append, untyped(DecodeAuthenticateRequest)))
	t.Run("authenticate answer", roundTrip(func(t *rapid.T) AuthenticateAnswer {
		return AuthenticateAnswer{drawBytes(t)}
	}, AuthenticateAnswer.Append, untyped(DecodeAuthenticateAnswer)))
	t.Run("authenticate result", roundTrip(func(t *rapid.T) AuthenticateResult {
		if rapid.Bool().Draw(t, "denied") {
			return AuthenticateResult{Reason: rapid.String().Draw(t, "reason")}
		}
		e := drawExtension(t)
		return AuthenticateResult{Accepted: true, Welcome: drawWelcome(t, e), Extension: e}
	}, AuthenticateResult.Append, untyped(DecodeAuthenticateResult)))
	t.Run("rate", roundTrip(func(t *rapid.T) SetRate {
		return SetRate{oneOf(CLSetUpdateRate, CLSetCMDRate).Draw(t, "type"), rapid.Uint8Min(1).Draw(t, "rate")}
	}, SetRate.Append, DecodeSetRate))
	t.Run("rates", roundTrip(func(t *rapid.T) Rates {
		return Rates{oneOf(ExtSetRates, ExtRates).Draw(t, "type"), drawRate(t, true), drawRate(t, true)}
	}, Rates.Append, DecodeRates))
	t.Run("interest", roundTrip(func(t *rapid.T) Interest {
		m := Interest{Type: oneOf(CLSetInterest, CLAddInterest, CLRemoveInterest, ExtSetInterest, ExtAddInterest, ExtRemoveInterest).Draw(t, "type")}
		n := rapid.IntRange(0, 255).Draw(t, "zones")
		m.Handle = rapid.Uint16Max(255).Draw(t, "handle")
		if m.Type.Extended() {
			n *= rapid.IntRange(1, 257).Draw(t, "times")
			m.Handle <<= 8
		}
		for i := range n {
			m.Zones = append(m.Zones, uint32(i)*0x01010101)
		}
		return m
	}, Interest.Append, DecodeInterest))
	t.Run("interest complete", roundTrip(func(t *rapid.T) InterestComplete {
		if rapid.Bool().Draw(t, "extension") {
			return InterestComplete{ExtInterestComplete, rapid.Uint16().Draw(t, "handle")}
		}
		return InterestComplete{SVInterestComplete, rapid.Uint16Max(255).Draw(t, "handle")}
	}, InterestComplete.Append, DecodeInterestComplete))
	t.Run("tick", roundTrip(func(t *rapid.T) TickAck {
		return TickAck{rapid.Int32().Draw(t, "tick"), rapid.Float32Range(0, 10).Draw(t, "frame")}
	}, TickAck.Append, untyped(DecodeTickAck)))
	t.Run("object message", roundTrip(func(t *rapid.T) ObjectMessage {
		return ObjectMessage{rapid.Uint32().Draw(t, "doId"), rapid.Uint16().Draw(t, "field"), drawBytes(t)}
	}, sure(ObjectMessage.Append), untyped(DecodeObjectMessage)))
	t.Run("ticked message", roundTrip(func(t *rapid.T) TickedMessage {
		tick := rapid.Uint32().Draw(t, "tick")
		return TickedMessage{tick, tick - rapid.Uint32Max(1<<31-1).Draw(t, "age"),
			ObjectMessage{rapid.Uint32().Draw(t, "doId"), rapid.Uint16().Draw(t, "field"), drawBytes(t)}}
	}, TickedMessage.Append, untyped(DecodeTickedMessage)))
	t.Run("object gone", roundTrip(func(t *rapid.T) ObjectGone {
		return ObjectGone{oneOf(SVDisableObject, SVDeleteObject).Draw(t, "type"), rapid.Uint32().Draw(t, "doId")}
	}, sure(ObjectGone.Append), DecodeObjectGone))
	t.Run("remove", roundTrip(func(t *rapid.T) Remove {
		return Remove{drawStamp(t), rapid.Uint32().Draw(t, "doId"), rapid.Bool().Draw(t, "deleted")}
	}, sure(Remove.Append), untyped(DecodeRemove)))
	t.Run("zone", roundTrip(func(t *rapid.T) ZoneChange {
		return ZoneChange{drawStamp(t), rapid.Uint32().Draw(t, "doId"), rapid.Uint32().Draw(t, "zone")}
	}, sure(ZoneChange.Append), untyped(DecodeZoneChange)))
	t.Run("inform ping", roundTrip(func(t *rapid.T) InformPing {
		return InformPing{time.Duration(rapid.Uint32().Draw(t, "ms")) * time.Millisecond}
	}, sure(InformPing.Append), untyped(DecodeInformPing)))
	t.Run("ping", roundTrip(func(t *rapid.T) Ping {
		return Ping{oneOf(ExtPing, ExtPingResp).Draw(t, "type"), rapid.Uint16().Draw(t, "number")}
	}, sure(Ping.Append), DecodePing))
}

// drawState draws packed values for some of the fields of a class, of one kind,
// in ascending order.
func drawState(t *rapid.T, class *dc.Class, kind dc.FieldKind) (indices []int, values [][]byte) {
	num := rapid.Float64Range(-100, 100)
	args := map[string]func() []any{
		"name":    func() []any { return []any{rapid.String().Draw(t, "name")} },
		"pos":     func() []any { return []any{[]any{num.Draw(t, "x"), num.Draw(t, "y"), num.Draw(t, "z")}} },
		"h":       func() []any { return []any{num.Draw(t, "h")} },
		"hp":      func() []any { return []any{rapid.IntRange(0, 100).Draw(t, "hp")} },
		"spin":    func() []any { return []any{rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "spin")} },
		"x":       func() []any { return []any{num.Draw(t, "x")} },
		"y":       func() []any { return []any{num.Draw(t, "y")} },
		"z":       func() []any { return []any{num.Draw(t, "z")} },
		"setTeam": func() []any { return []any{rapid.Byte().Draw(t, "team")} },
		"emote":   func() []any { return []any{rapid.Byte().Draw(t, "which")} },
	}
	for i, f := range class.Fields() {
		draw := args[f.Name()]
		if draw == nil || f.Kind() != kind || !rapid.Bool().Draw(t, "has") {
			continue
		}
		b, err := f.Pack(nil, draw()...)
		if err != nil {
			t.Fatal(err)
		}
		indices, values = append(indices, i), append(values, b)
	}
	return indices, values
}

func listOf(indices []int, values [][]byte) (l FieldList) {
	for i := range indices {
		l.Add(indices[i], values[i])
	}
	return l
}

func TestRoundTripGenerate(t *testing.T) {
	s := schema(t)
	rapid.Check(t, func(t *rapid.T) {
		m := Generate{
			Type:        oneOf(SVGenerateObject, SVGenerateOwnerObject, ExtGenerate, ExtGenerateOwner).Draw(t, "type"),
			Class:       s.Class(rapid.SampledFrom([]string{"DistributedObject", "DistributedAvatar", "DistributedBall"}).Draw(t, "class")),
			DoID:        rapid.Uint32().Draw(t, "doId"),
			Zone:        rapid.Uint32().Draw(t, "zone"),
			HasBaseline: rapid.Bool().Draw(t, "baseline"),
		}
		if m.HasBaseline {
			m.Baseline = listOf(drawState(t, m.Class, dc.Parameter))
		}
		m.Required = listOf(drawState(t, m.Class, dc.Atomic))
		if m.Type.Extended() {
			m.Stamp = drawStamp(t)
		}
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeGenerate(s, m.Type, b[2:])
		if err != nil {
			t.Fatal(err)
		}
		same := got.Stamp == m.Stamp && got.Type == m.Type && got.Class == m.Class && got.DoID == m.DoID && got.Zone == m.Zone && got.HasBaseline == m.HasBaseline &&
			sameList(got.Baseline, m.Baseline) && sameList(got.Required, m.Required)
		if !same {
			t.Fatalf("read %+v\nwrote %+v", got, m)
		}
	})
}

func sameList(a, b FieldList) bool { return a.count == b.count && bytes.Equal(a.bytes, b.bytes) }

// Objects with state in both kinds of snapshots.
func TestRoundTripSnapshots(t *testing.T) {
	s := schema(t)
	classOf := func(id uint32) *dc.Class { return fuzzClassOf(s, id) }
	rapid.Check(t, func(t *rapid.T) {
		type object struct {
			id      uint32
			zone    uint32
			indices []int
			values  [][]byte
		}
		var objects []object
		for range rapid.IntRange(0, 10).Draw(t, "objects") {
			o := object{id: rapid.Uint32().Draw(t, "doId"), zone: rapid.Uint32().Draw(t, "zone")}
			o.indices, o.values = drawState(t, classOf(o.id), dc.Parameter)
			objects = append(objects, o)
		}
		tick := rapid.Uint32().Draw(t, "tick")

		plain := Snapshot{Tick: tick, Delta: rapid.Bool().Draw(t, "delta"), Count: uint16(len(objects))}.Append(nil)
		header := Part{Stamp: Stamp{rapid.Uint32().Draw(t, "structure"), tick}, Number: rapid.Uint32Min(1).Draw(t, "number"),
			Flags: FirstPart | LastPart | PartialSnapshot, Count: uint16(len(objects))}
		part := header.Append(nil)
		for _, o := range objects {
			var err error
			if plain, err = AppendSnapshotObject(plain, o.id, listOf(o.indices, o.values)); err != nil {
				t.Fatal(err)
			}
			contents := AppendRecordZone(nil, o.zone)
			for i := range o.indices {
				contents = AppendRecordField(contents, o.indices[i], o.values[i])
			}
			part = AppendRecord(part, o.id, contents)
		}

		same := func(o object, f *Fields) {
			for i := range o.indices {
				if !f.Next() || f.Index() != o.indices[i] || !bytes.Equal(f.Value(), o.values[i]) {
					t.Fatalf("object %d: field %d % x, %v", o.id, f.Index(), f.Value(), f.Err())
				}
			}
			if f.Next() || f.Err() != nil {
				t.Fatalf("object %d has more: %v", o.id, f.Err())
			}
		}
		m, err := DecodeSnapshot(plain[2:])
		if err != nil || m.Check(classOf) != nil {
			t.Fatal(err, m.Check(classOf))
		}
		it := m.Objects(classOf)
		for _, o := range objects {
			if !it.Next() || it.DoID() != o.id {
				t.Fatalf("object %d: %d, %v", o.id, it.DoID(), it.Err())
			}
			same(o, it.Fields())
		}
		if it.Next() || it.Err() != nil {
			t.Fatal(it.Err())
		}

		p, err := DecodePart(part[2:])
		if err != nil || p.Stamp != header.Stamp || p.Number != header.Number || p.Flags != header.Flags {
			t.Fatalf("%+v, %v", p, err)
		}
		r := p.Records()
		for _, o := range objects {
			if !r.Next() || r.Record().DoID != o.id || !r.Record().HasZone || r.Record().Zone != o.zone {
				t.Fatalf("object %d: %+v, %v", o.id, r.Record(), r.Err())
			}
			f := r.Record().Fields(classOf(o.id))
			same(o, &f)
		}
		if r.Next() || r.Err() != nil {
			t.Fatal(r.Err())
		}
	})
}
