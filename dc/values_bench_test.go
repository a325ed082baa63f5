package dc

import "testing"

// typical is fields that games send all the time.
var typical = []struct {
	name, decl string
	args       []any
}{
	{"float64x3", "f(float64 x, float64 y, float64 z);", []any{1.5, 2.5, -3.5}},
	{"int16div10x2", "f(int16 / 10 x, int16 / 10 y);", []any{1.5, -2.5}},
	{"string", "f(string name);", []any{"hello"}},
	{"uint8range", "f(uint8(0 - 100) hp);", []any{uint64(7)}},
	{"uint16array", "f(uint16 values[]);", []any{make([]uint16, 32)}},
	{"stringarray", "f(string names[]);", []any{[]string{"ab", "cd", "ef"}}},
	{"struct", "f(struct { int16 / 10 x; uint8(1 - 99) count; string tag; } item);", []any{[]any{1.5, 7, "tag"}}},
}

// benchmark runs a benchmark with each of the typical fields and its packed
// value.
func benchmark(b *testing.B, run func(b *testing.B, f *Field, packed []byte, args []any)) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			s, err := Parse(Source{"typical.dc", []byte("dclass D { " + c.decl + " };")})
			if err != nil {
				b.Fatal(err)
			}
			f := s.Class("D").FieldByName("f")
			packed, err := f.Pack(nil, c.args...)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			run(b, f, packed, c.args)
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	benchmark(b, func(b *testing.B, f *Field, packed []byte, _ []any) {
		for b.Loop() {
			if f.Check(packed) != nil {
				b.Fatal("refused")
			}
		}
	})
}

func BenchmarkCheckFinite(b *testing.B) {
	benchmark(b, func(b *testing.B, f *Field, packed []byte, _ []any) {
		for b.Loop() {
			if f.CheckFinite(packed) != nil {
				b.Fatal("refused")
			}
		}
	})
}

func BenchmarkSkip(b *testing.B) {
	benchmark(b, func(b *testing.B, f *Field, packed []byte, _ []any) {
		for b.Loop() {
			if n, err := f.Skip(packed); err != nil || n != len(packed) {
				b.Fatal("refused")
			}
		}
	})
}

func BenchmarkPack(b *testing.B) {
	benchmark(b, func(b *testing.B, f *Field, packed []byte, args []any) {
		for b.Loop() {
			if _, err := f.Pack(packed[:0], args...); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	benchmark(b, func(b *testing.B, f *Field, packed []byte, _ []any) {
		for b.Loop() {
			if _, err := f.Unpack(packed); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppendText(b *testing.B) {
	benchmark(b, func(b *testing.B, f *Field, packed []byte, _ []any) {
		var text []byte
		for b.Loop() {
			var err error
			if text, err = f.AppendText(text[:0], packed); err != nil {
				b.Fatal(err)
			}
		}
	})
}
