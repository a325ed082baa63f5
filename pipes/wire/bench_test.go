package wire

import (
	"testing"

	"github.com/culm-net/culm/dc"
)

// fullPart is a part of 1,200 bytes at most in which avatars moved: position
// and heading of as many as fit.
func fullPart(tb testing.TB) (msg []byte, records int, class *dc.Class) {
	tb.Helper()
	class = schema(tb).Class("DistributedAvatar")
	var contents []byte
	for i, v := range [][]any{1: {[]any{1.5, -2.5, 0.25}}, 2: {90}} {
		if v == nil {
			continue
		}
		b, err := class.Fields()[i].Pack(nil, v...)
		if err != nil {
			tb.Fatal(err)
		}
		contents = AppendRecordField(contents, i, b)
	}
	m := Part{Number: 1, Flags: FirstPart | LastPart}
	msg = m.Append(nil)
	for {
		longer := AppendRecord(msg, uint32(200+records), contents)
		if len(longer) > 1200 {
			break
		}
		msg, records = longer, records+1
	}
	msg[PartCountOffset], msg[PartCountOffset+1] = byte(records), 0
	return msg, records, class
}

// What docs/pipes.md says of the size of a part.
func TestPartSize(t *testing.T) {
	msg, records, _ := fullPart(t)
	if len(msg) != 1195 || records != 38 {
		t.Errorf("%d records in %d bytes", records, len(msg))
	}
}

// A client takes a part apart to the last field, and throws the values away.
func BenchmarkPart(b *testing.B) {
	msg, records, class := fullPart(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		m, err := DecodePart(msg[2:])
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		r := m.Records()
		for r.Next() {
			f := r.Record().Fields(class)
			for f.Next() {
				n += len(f.Value())
			}
			if f.Err() != nil {
				b.Fatal(f.Err())
			}
		}
		if r.Err() != nil || n != records*26 {
			b.Fatal(n, r.Err())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
}

// A server copies records that are encoded already into a part.
func BenchmarkAppendRecords(b *testing.B) {
	msg, records, _ := fullPart(b)
	m, err := DecodePart(msg[2:])
	if err != nil {
		b.Fatal(err)
	}
	r := m.Records()
	r.Next()
	contents := r.Record().fields
	buf := make([]byte, 0, 1200)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.Append(buf[:0])
		for i := range records {
			buf = AppendRecord(buf, uint32(200+i), contents)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
}

// The same objects in the plain dialect.
func BenchmarkSnapshot(b *testing.B) {
	msg, records, class := fullPart(b)
	p, err := DecodePart(msg[2:])
	if err != nil {
		b.Fatal(err)
	}
	plain := Snapshot{Tick: 1, Delta: true, Count: p.Count}.Append(nil)
	r := p.Records()
	for r.Next() {
		var l FieldList
		f := r.Record().Fields(class)
		for f.Next() {
			l.Add(f.Index(), f.Value())
		}
		if plain, err = AppendSnapshotObject(plain, r.Record().DoID, l); err != nil {
			b.Fatal(err)
		}
	}
	classOf := func(uint32) *dc.Class { return class }
	b.ReportAllocs()
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		m, err := DecodeSnapshot(plain[2:])
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Check(classOf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/object")
}

// A client notes a part and acknowledges it; the server reads it.
func BenchmarkAck(b *testing.B) {
	var m Ack
	buf := make([]byte, 0, 64)
	part := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		if part++; part%16 != 0 {
			m.Add(part)
		}
		var err error
		if buf, err = m.Append(buf[:0], 32); err != nil {
			b.Fatal(err)
		}
		got, err := DecodeAck(buf[2:])
		if err != nil || got.Last != m.Last {
			b.Fatal(got, err)
		}
	}
}

// A server reads a client's object message and checks its arguments.
func BenchmarkObjectMessage(b *testing.B) {
	move := schema(b).Class("DistributedAvatar").FieldByName("move")
	args, err := move.Pack(nil, 1.5, 2.5, 3.5, 90.0)
	if err != nil {
		b.Fatal(err)
	}
	msg := ObjectMessage{DoID: 1000, Field: uint16(move.Number()), Args: args}.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		m, err := DecodeObjectMessage(msg[2:])
		if err != nil {
			b.Fatal(err)
		}
		if got, err := m.Arguments(move); err != nil || len(got) != 32 {
			b.Fatal(got, err)
		}
	}
}

// A client reads one with a tick.
func BenchmarkTickedMessage(b *testing.B) {
	chat := schema(b).Class("DistributedChat").FieldByName("chatMessage")
	args, err := chat.Pack(nil, "ann", "hello there")
	if err != nil {
		b.Fatal(err)
	}
	m := TickedMessage{Tick: 9, State: 8, ObjectMessage: ObjectMessage{DoID: 1000, Field: uint16(chat.Number()), Args: args}}
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = m.Append(buf[:0]); err != nil {
			b.Fatal(err)
		}
		got, err := DecodeTickedMessage(buf[2:])
		if err != nil {
			b.Fatal(err)
		}
		if _, err := got.Arguments(chat); err != nil {
			b.Fatal(err)
		}
	}
}

// What arrives all the time is read and written without allocating.
func TestNoAllocations(t *testing.T) {
	msg, _, class := fullPart(t)
	buf := make([]byte, 0, 1200)
	var ack Ack
	g, contents := Generate{Class: class, HasBaseline: true}, make([]byte, 0, 64)
	g.Baseline.Add(3, msg[:1]) // gets its memory
	for name, f := range map[string]func(){
		"part": func() {
			m, _ := DecodePart(msg[2:])
			buf = m.Append(buf[:0])
			r := m.Records()
			for r.Next() {
				fields := r.Record().Fields(class)
				if fields.Check() != nil {
					t.Error("the part is bad")
				}
				buf = AppendRecord(buf, r.Record().DoID, r.Record().fields)
			}
		},
		"ack": func() {
			ack.Add(ack.Last + 2)
			buf, _ = ack.Append(buf[:0], AckWindow)
			if got, _ := DecodeAck(buf[2:]); got != ack {
				t.Error("the acknowledgement is bad")
			}
		},
		"generate": func() {
			g.Baseline.Reset()
			g.Baseline.Add(3, msg[:1])
			var err error
			if contents, err = g.AppendContents(contents[:0]); err != nil {
				t.Error(err)
			}
			buf = AppendGenerate(buf[:0], ExtGenerate, Stamp{1, 2}, contents)
		},
		"object message": func() {
			buf = ObjectMessage{DoID: 1, Args: msg[:4]}.Append(buf[:0])
			if m, _ := DecodeObjectMessage(buf[2:]); len(m.Args) != 4 {
				t.Error("the message is bad")
			}
		},
	} {
		if n := testing.AllocsPerRun(10, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
