package dc

import "testing"

// method builds a method without a file.
func method(name string, types ...*Type) *Field {
	f := &Field{name: name, kind: Atomic, class: &Class{name: "Test"}}
	for _, t := range types {
		f.params = append(f.params, &Param{typ: t})
	}
	f.compile()
	return f
}

var typical = []struct {
	name string
	f    *Field
	b    []byte
}{
	{"float64x3", method("setPos", &Type{kind: Float64}, &Type{kind: Float64}, &Type{kind: Float64}), make([]byte, 24)},
	{"int16div10x2", method("setXY", &Type{kind: Int16, divisor: 10}, &Type{kind: Int16, divisor: 10}), make([]byte, 4)},
	{"string", method("setName", &Type{kind: String}), []byte("\x05\x00hello")},
	{"uint8range", method("setLevel", &Type{kind: Uint8, ranges: []Range{{0, 100}}}), []byte{7}},
	{"uint16array", method("setList", &Type{kind: Array, elem: &Type{kind: Uint16}}), append([]byte{64, 0}, make([]byte, 64)...)},
	{"stringsarray", method("setNames", &Type{kind: Array, elem: &Type{kind: String}}), []byte("\x0c\x00\x02\x00ab\x02\x00cd\x02\x00ef")},
}

func BenchmarkCheck(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.f.Check(c.b) != nil {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkSkip(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n, err := c.f.Skip(c.b); err != nil || n != len(c.b) {
					b.Fatal("refused")
				}
			}
		})
	}
}
