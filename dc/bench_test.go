package dc

import (
	"fmt"
	"strings"
	"testing"
)

// largeSchema is 2,000 lines of a typical game.
func largeSchema() []byte {
	var b strings.Builder
	lines := 0
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, format+"\n", args...)
		lines++
	}
	line("keyword p2p;")
	line("typedef uint32 DoId;")
	line("typedef uint8(0 - 25) Colour = 1;")
	line("struct Point { int16 / 10 x; int16 / 10 y; int16 / 10 z = 1.5; };")
	line("dclass Base0 { setLocation(uint32 parentId, uint32 zoneId) broadcast ram; };")
	for i := 1; lines < 1990; i++ {
		line("// Class %d of many.", i)
		line("dclass Base%d : Base%d {", i, i/4)
		line("  setName%d(string(1 - 32) name) required broadcast ram db;", i)
		line("  setPos%d(Point p, DoId target) broadcast;", i)
		line("  setX%d(int16 / 10 x) broadcast;", i)
		line("  setY%d(int16 / 10 y) broadcast;", i)
		line("  setXY%d : setX%d, setY%d;", i, i, i)
		line("  setList%d(uint8 values[], Colour c = 7, blob data = <0102ff>) clsend airecv;", i)
		line("  uint16 hp%d = 100 ram;", i)
		line("};")
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	text := largeSchema()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(Source{"large.dc", text}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFormat(b *testing.B) {
	text := largeSchema()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Format("large.dc", text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClassField(b *testing.B) {
	s, err := Parse(Source{"large.dc", largeSchema()})
	if err != nil {
		b.Fatal(err)
	}
	c := s.Classes()[len(s.Classes())-1]
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if c.Field(n&1023) != nil {
			n++
		}
		n++
	}
}
