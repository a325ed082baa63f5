package object_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
)

const mixed = `
keyword unreliable;
struct Vec3 { float64 x; float64 y; float64 z; };
dclass Base {
  setParent(uint32 parent, uint32 zone) required ram;
  string name = "nobody";
};
dclass Mixed : Base {
  int8(5 - 9) low;
  blob data;
  Vec3 pos;
  setText(string text, uint8 n) ram;
  setMore(uint8 n) ram;
  shout(string text) broadcast;
  setBoth : setText, setMore;
  uint8 list[];
  uint8 four[4];
};`

func class(t testing.TB, text, name string) *dc.Class {
	t.Helper()
	s, err := dc.Parse(dc.Source{Name: "test.dc", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return s.Class(name)
}

func parameters(f *dc.Field) bool { return f.Kind() == dc.Parameter }

func layout(t testing.TB, c *dc.Class, stores func(*dc.Field) bool) *object.Layout {
	t.Helper()
	l, err := object.NewLayout(c, stores)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNewHasDefaults(t *testing.T) {
	c := class(t, mixed, "Mixed")
	for name, stores := range map[string]func(*dc.Field) bool{
		"parameters":   parameters,
		"required,ram": func(f *dc.Field) bool { return f.HasAny(dc.Required | dc.RAM) },
		"all":          func(*dc.Field) bool { return true },
		"none":         func(*dc.Field) bool { return false },
	} {
		t.Run(name, func(t *testing.T) {
			l := layout(t, c, stores)
			s := object.New(l, 7)
			k, size := 0, 0
			for i, f := range c.Fields() {
				if f.Kind() == dc.Molecular || !stores(f) {
					if s.Value(i) != nil || s.Stamp(i) != 0 || l.Position(i) != -1 {
						t.Errorf("%s is stored", f)
					}
					continue
				}
				if l.Position(i) != k || l.Index(k) != i {
					t.Errorf("%s: position %d, index %d of position %d", f, l.Position(i), l.Index(k), k)
				}
				if want := f.AppendDefault(nil); !bytes.Equal(s.Value(i), want) || s.Stamp(i) != 7 {
					t.Errorf("%s = %x with stamp %d, want %x with stamp 7", f, s.Value(i), s.Stamp(i), want)
				}
				size += len(s.Value(i))
				k++
			}
			if l.Len() != k || s.Size() != size {
				t.Errorf("%d fields of %d bytes, want %d of %d", l.Len(), s.Size(), k, size)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	c := class(t, mixed, "Mixed")
	s := object.New(layout(t, c, parameters), 1)
	index := func(name string) int {
		for i, f := range c.Fields() {
			if f.Name() == name {
				return i
			}
		}
		t.Fatal(name)
		return 0
	}
	for _, tt := range []struct {
		name  string
		index int
		value []byte
	}{
		{"not stored", index("shout"), []byte{0, 0}},
		{"molecular", index("setBoth"), nil},
		{"beyond the class", len(c.Fields()), nil},
		{"negative", -1, nil},
		{"too short", index("low"), nil},
		{"too long", index("low"), []byte{5, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed, err := s.Set(tt.index, tt.value, 2)
			var bad *object.FieldError
			if changed || !errors.As(err, &bad) {
				t.Errorf("Set = %v, %v, want a FieldError", changed, err)
			}
		})
	}
}

func TestInit(t *testing.T) {
	c := class(t, mixed, "Mixed")
	l := layout(t, c, func(*dc.Field) bool { return true })
	rapid.Check(t, func(t *rapid.T) {
		plain := object.New(l, 0)
		values := make([][]byte, rapid.IntRange(0, l.Len()).Draw(t, "values"))
		for k := range values {
			if !rapid.Bool().Draw(t, "given") {
				continue
			}
			n := len(plain.At(k))
			if _, fixed := fixedSize(c.Fields()[l.Index(k)]); !fixed {
				n = rapid.IntRange(0, 80).Draw(t, "length")
			}
			values[k] = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "value")
		}
		var s object.State
		if err := s.Init(l, values, 7); err != nil {
			t.Fatal(err)
		}
		for k := range l.Len() {
			want, stamp := l.Default(k), uint32(0)
			if k < len(values) && values[k] != nil {
				want, stamp = values[k], 7
			}
			if !bytes.Equal(s.At(k), want) || s.StampAt(k) != stamp {
				t.Fatalf("field %d is %x with stamp %d, want %x with %d", k, s.At(k), s.StampAt(k), want, stamp)
			}
			s.Restamp(k, 9)
			if s.StampAt(k) != 9 || !bytes.Equal(s.At(k), want) {
				t.Fatalf("field %d is %x with stamp %d after Restamp", k, s.At(k), s.StampAt(k))
			}
		}
	})
	var s object.State
	var bad *object.FieldError
	if err := s.Init(l, [][]byte{{1}}, 1); !errors.As(err, &bad) {
		t.Errorf("a value of the wrong length: %v", err)
	}
}

// TestSet compares a state with a plain table of values and stamps.
func TestSet(t *testing.T) {
	c := class(t, mixed, "Mixed")
	l := layout(t, c, func(*dc.Field) bool { return true })
	rapid.Check(t, func(t *rapid.T) {
		s := object.New(l, 1)
		values, stamps := map[int][]byte{}, map[int]uint32{}
		for k := range l.Len() {
			values[k], stamps[k] = bytes.Clone(s.At(k)), 1
		}
		stamp := uint32(1)
		for range rapid.IntRange(1, 40).Draw(t, "sets") {
			stamp += uint32(rapid.IntRange(0, 2).Draw(t, "later"))
			k := rapid.IntRange(0, l.Len()-1).Draw(t, "field")
			n := len(values[k])
			if _, fixed := fixedSize(c.Fields()[l.Index(k)]); !fixed {
				n = rapid.IntRange(0, 80).Draw(t, "length")
			}
			v := rapid.SliceOfN(rapid.ByteRange(0, 2), n, n).Draw(t, "value")
			changed, err := s.Set(l.Index(k), v, stamp)
			if err != nil || changed == bytes.Equal(v, values[k]) {
				t.Fatalf("Set(%d) from %x to %x = %v, %v", k, values[k], v, changed, err)
			}
			if changed {
				values[k], stamps[k] = v, stamp
			}
			size := 0
			for k := range l.Len() {
				if !bytes.Equal(s.At(k), values[k]) || s.StampAt(k) != stamps[k] {
					t.Fatalf("field %d = %x at %d, want %x at %d", k, s.At(k), s.StampAt(k), values[k], stamps[k])
				}
				size += len(values[k])
			}
			if s.Size() != size {
				t.Fatalf("size %d, want %d", s.Size(), size)
			}
		}
	})
}

func fixedSize(f *dc.Field) (n int, ok bool) {
	for _, p := range f.Params() {
		size, ok := p.Type().FixedSize()
		if !ok {
			return 0, false
		}
		n += size
	}
	return n, true
}

func TestAccessDoesNotAllocate(t *testing.T) {
	c := class(t, mixed, "Mixed")
	s := object.New(layout(t, c, parameters), 1)
	index := s.Layout().Index(s.Layout().Len() - 1) // four
	v, stamp := []byte{1, 2, 3, 4}, uint32(1)
	if n := testing.AllocsPerRun(100, func() {
		stamp++
		v[0]++
		if changed, err := s.Set(index, v, stamp); !changed || err != nil || s.Stamp(index) != stamp || len(s.Value(index)) != 4 {
			t.Fatal(changed, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

const point = `dclass Point { float64 x; float64 y; float64 z; uint8 hp; };
dclass Named { string name = "somebody"; float64 x; float64 y; float64 z; int16 h; uint8 hp; };`

var kept *object.State // so that it is on the heap, as in a world

func BenchmarkNew(b *testing.B) {
	for _, name := range []string{"Point", "Named"} {
		l := layout(b, class(b, point, name), parameters)
		b.Run(fmt.Sprintf("%s/values=%dB", name, object.New(l, 1).Size()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				kept = object.New(l, 1)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	l := layout(b, class(b, point, "Point"), parameters)
	b.Run("changed", func(b *testing.B) {
		s := object.New(l, 1)
		v, stamp := make([]byte, 8), uint32(1)
		b.ReportAllocs()
		for b.Loop() {
			v[0]++
			stamp++
			if _, err := s.Set(1, v, stamp); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("equal", func(b *testing.B) {
		s := object.New(l, 1)
		v := make([]byte, 8)
		b.ReportAllocs()
		for b.Loop() {
			if changed, err := s.Set(1, v, 2); changed || err != nil {
				b.Fatal(changed, err)
			}
		}
	})
}
