package dc

import (
	"slices"
	"testing"
)

func mustParse(t testing.TB, texts ...string) *Schema {
	t.Helper()
	var files []Source
	for _, text := range texts {
		files = append(files, Source{"x.dc", []byte(text)})
	}
	s, err := Parse(files...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(fields []*Field) []string {
	var list []string
	for _, f := range fields {
		list = append(list, f.Name())
	}
	return list
}

func TestFieldsOfClass(t *testing.T) {
	s := mustParse(t, `
		dclass A { a(int8) required; int8 b required ram; c() ram; ab : a; }
		dclass B : A { a(int16); d(); }
		dclass C { e(); }`)
	a, b := s.Class("A"), s.Class("B")
	for _, c := range []struct {
		class  *Class
		number int
		want   *Field
	}{
		{a, 0, a.OwnFields()[0]}, {a, 3, a.OwnFields()[3]}, {a, 4, nil}, {a, -1, nil}, {a, 1 << 20, nil},
		{b, 4, b.OwnFields()[0]}, {b, 5, b.OwnFields()[1]}, {b, 6, nil}, {b, 1, a.OwnFields()[1]},
		{b, 0, a.OwnFields()[0]}, // declared again, and yet known to Panda3D
	} {
		if got := c.class.Field(c.number); got != c.want {
			t.Errorf("field %d of %v is %v, want %v", c.number, c.class, got, c.want)
		}
	}
	if got := names(b.Fields()); !slices.Equal(got, []string{"b", "c", "ab", "a", "d"}) {
		t.Errorf("fields of B: %v", got)
	}
	if got := names(a.RequiredFields()); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("required fields of A: %v", got)
	}
	if got := names(b.RequiredFields()); !slices.Equal(got, []string{"b"}) {
		t.Errorf("required fields of B: %v", got)
	}
	if got := names(b.Elements()); !slices.Equal(got, []string{"b", "c", "a", "d"}) {
		t.Errorf("elements of B: %v", got)
	}
	if b.FieldByName("a") != b.OwnFields()[0] || b.FieldByName("c") != a.OwnFields()[2] || b.FieldByName("e") != nil {
		t.Error("fields of B by name")
	}
	if !b.InheritsFrom(a) || !b.InheritsFrom(b) || a.InheritsFrom(b) {
		t.Error("InheritsFrom")
	}
	if s.ClassByNumber(2) != s.Class("C") || s.ClassByNumber(3) != nil || s.ClassByNumber(-1) != nil || s.Class("D") != nil {
		t.Error("classes")
	}
}

func TestConstructorIsAnElement(t *testing.T) {
	s := mustParse(t, "struct S { int8 a; S(int8 b); f(int8); g : f; } struct T : S { int8 c; }")
	if got := names(s.Class("S").Elements()); !slices.Equal(got, []string{"S", "a", "f"}) {
		t.Errorf("elements of S: %v", got)
	}
	if got := names(s.Class("T").Elements()); !slices.Equal(got, []string{"a", "f", "c"}) {
		t.Errorf("elements of T: %v", got)
	}
}

func TestKeywords(t *testing.T) {
	s := mustParse(t, `keyword swift p2p; dclass C { a() p2p airecv swift ram required; b(); int8 c broadcast; d() ram; e : d; }`)
	c := s.Class("C")
	a := c.FieldByName("a")
	if got := a.Keywords(); !slices.Equal(got, []string{"required", "ram", "airecv", "swift", "p2p"}) {
		t.Errorf("keywords %v", got)
	}
	if !a.Has(Required|RAM|AIRecv|P2P) || a.Has(Required|DB) || !a.HasAny(Required|DB) || a.HasAny(DB|Broadcast) {
		t.Error("bits of a")
	}
	if !a.HasKeyword("swift") || a.HasKeyword("db") || c.FieldByName("b").HasAny(^Keyword(0)) {
		t.Error("names of keywords")
	}
	if !c.FieldByName("c").Has(Broadcast) || !c.FieldByName("e").Has(RAM) {
		t.Error("keywords of parameter and molecular fields")
	}
	if got := s.Keywords(); !slices.Equal(got, []string{"swift", "p2p", "airecv", "ram", "required", "broadcast"}) {
		t.Errorf("keywords of the schema: %v", got)
	}
	for i, name := range keywordNames {
		if keywordBit(name) != 1<<i {
			t.Errorf("bit of %s", name)
		}
	}
}

// Files make one schema, in order, as if they were one file.
func TestSeveralFiles(t *testing.T) {
	one := "keyword k; typedef int8 T; struct S { T t; } "
	two := "dclass C { a(S) k ram; }"
	if mustParse(t, one, two).Hash() != mustParse(t, one+two).Hash() {
		t.Error("two files are not like one")
	}
	_, err := Parse(Source{"two.dc", []byte(two)}, Source{"one.dc", []byte(one)})
	if err == nil {
		t.Error("the other order is accepted")
	}
	if _, err := Parse(Source{"a.dc", []byte("dclass A {")}, Source{"b.dc", []byte("}")}); err == nil {
		t.Error("a class in two files is accepted")
	}
}

func TestFloat32(t *testing.T) {
	s := mustParse(t, "typedef float32(0 - 5) / 10 F; dclass C { a(float32 x, F, float32[3] v, int8) ram; }")
	x := s.Class("C").FieldByName("a").Params()
	if x[0].Type().Kind() != Float32 || x[1].Type().Divisor() != 10 || x[2].Type().Elem().Kind() != Float32 {
		t.Error("types")
	}
	if n, ok := x[2].Type().FixedSize(); !ok || n != 12 {
		t.Errorf("size %d", n)
	}
	// A game for Panda3D may call a type so.
	if s = mustParse(t, "typedef float64 float32; dclass C { a(float32); }"); s.Class("C").Fields()[0].Params()[0].Type().Kind() != Float64 {
		t.Error("a typedef of that name")
	}
	a := mustParse(t, "dclass C { a(float32); }")
	b := mustParse(t, "dclass C { a(float32 / 10); }")
	if a.Hash() != b.Hash() {
		t.Error("float32 is in the hash")
	}
}

func TestTypes(t *testing.T) {
	s := mustParse(t, `
		typedef uint8(1 - 5, 9) / 10 % 20 T;
		switch W (uint8 k) { case 1: int8 a; break; case 2: case 3: int16 b; default: int8 c; }
		switch V (uint8 k) { default: int8 a; }
		struct S { T t; string s; }
		dclass C { a(T, string(3) s, string u, blob32, uint8[2][3], string[2], uint8 x[2][], V v[2], S s, W w, uint16array o, uint8[0, 2 - 4]); }`)
	type row struct {
		kind         Kind
		size, length int
		typedef, old string
	}
	want := []row{
		{Uint8, 1, 0, "T", ""}, {String, 3, 0, "", ""}, {String, -1, 2, "", ""}, {Blob32, -1, 4, "", ""},
		{Array, 6, 0, "", ""}, {Array, -1, 2, "", ""},
		{Array, -1, 0, "", ""}, // no length in front: see appendArray
		{Array, -1, 2, "", ""}, // a length, though all values are as long
		{Struct, -1, 0, "S", ""}, {SwitchKind, -1, 0, "W", ""}, {Array, -1, 2, "", "uint16array"}, {Array, -1, 2, "", ""},
	}
	params := s.Class("C").FieldByName("a").Params()
	for i, p := range params {
		ty := p.Type()
		got := row{kind: ty.Kind(), length: ty.LengthBytes(), old: ty.OldArray(), size: -1}
		if n, ok := ty.FixedSize(); ok {
			got.size = n
		}
		if ty.Typedef() != nil {
			got.typedef = ty.Typedef().Name()
		}
		if got != want[i] {
			t.Errorf("type %d is %+v, want %+v", i, got, want[i])
		}
	}
	first := params[0].Type()
	if first.Divisor() != 10 || first.Modulus() != 20 || !slices.Equal(first.Ranges(), []Range{{1, 5}, {9, 9}}) {
		t.Errorf("%+v", first)
	}
	if last := params[len(params)-1].Type(); !slices.Equal(last.Ranges(), []Range{{0, 0}, {2, 4}}) || last.Elem().Kind() != Uint8 {
		t.Errorf("%+v", last)
	}
	w := params[9].Type().Switch()
	if len(w.Cases()) != 3 || w.Key().Name() != "k" || w.Default() == nil || w.Name() != "W" {
		t.Fatalf("%+v", w)
	}
	for i, fields := range [][]string{{"a"}, {"b", "c"}, {"b", "c"}} {
		if got := names(w.Cases()[i].Fields()); !slices.Equal(got, fields) || w.Cases()[i].Key()[0] != byte(i+1) {
			t.Errorf("case %d has %v, want %v", i, got, fields)
		}
	}
	if got := names(w.Default().Fields()); !slices.Equal(got, []string{"c"}) {
		t.Errorf("the default has %v", got)
	}
	if params[8].Type().Class() != s.Class("S") {
		t.Error("class of a struct")
	}
}

// Panda3D's hash of a schema whose numbers need the primes again and again.
func TestHashOfLargeSchema(t *testing.T) {
	if got := mustParse(t, string(largeSchema())).Hash(); got != 3108061528 {
		t.Errorf("hash %d", got)
	}
}

func TestTypedefsAndSwitches(t *testing.T) {
	s := mustParse(t, `
		typedef uint16 / 10 Tenths;
		struct P { Tenths x; }
		switch W (uint8) { case 1: P p; }
		typedef W[2] Pair;
		dclass C { a(P, Pair); }`)
	var got []string
	for _, td := range s.Typedefs() {
		text := td.Name() + " " + td.Type().Kind().String()
		if td.Implicit() {
			text += " implicit"
		}
		if td.Type().Typedef() != td {
			t.Errorf("the type of %s names another typedef", td.Name())
		}
		got = append(got, text)
	}
	if want := []string{"Tenths uint16", "P struct implicit", "W switch implicit", "Pair array"}; !slices.Equal(got, want) {
		t.Errorf("typedefs %v, want %v", got, want)
	}
	if list := s.Switches(); len(list) != 1 || list[0].Name() != "W" {
		t.Errorf("switches %v", list)
	}
	if got := s.Class("C").Fields()[0].String(); got != "C.a" {
		t.Errorf("the field is called %s", got)
	}
}
