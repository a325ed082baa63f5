package gait

import (
	"strings"
	"testing"

	"github.com/culm-net/culm/dc"
)

func parse(t testing.TB, text string) *dc.Schema {
	t.Helper()
	s, err := dc.Parse(dc.Source{Name: "test.dc", Text: []byte("keyword p2p;\n" + text)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A value must be one that the server takes, and tell its step, for all steps
// and every kind of number.
func TestGaitCounts(t *testing.T) {
	for _, c := range []struct {
		params string
		period uint64
	}{
		{"int8 x", 1 << 8},
		{"uint8 x", 1 << 8},
		{"int16 / 10 x, int16 / 10 y", 1 << 16},
		{"uint16 x, uint32 time", 1 << 32},
		{"int64 x", 1 << 32},
		{"uint64 x", 1 << 32},
		{"float64 x, float64 y, float64 h", 1 << 32},
		{"float32 x", 1<<25 + 1},
		{"float64(1 - 4.5) x", 4},
		{"int64(-10000000000 - -1) x = -5000000000", 1 << 32},
		{"int16(-5 - 5) x", 11},
		{"int16 / 10 (-1.5 - 1.5) x, uint8(7-7) y", 31},
		{"uint16 % 360 / 10 h", 3600},
		{"int32 x = 77", 1 << 32},
		{"uint8(0-3, 10-20) x", 4},
	} {
		t.Run(c.params, func(t *testing.T) {
			g, err := Choose(parse(t, "dclass Walker { move("+c.params+") broadcast; };"), "", "")
			if err != nil {
				t.Fatal(err)
			}
			if g.Period() != c.period {
				t.Errorf("the period is %d, want %d", g.Period(), c.period)
			}
			if step, ok := g.Step(g.Field.AppendDefault(nil)); !ok || step != g.Period()-1 {
				t.Errorf("the default is step %d, %v; want the one before the first", step, ok)
			}
			for _, step := range []uint64{0, 1, 2, 100, 127, 128, 255, 1 << 15, 1<<16 - 1, 1 << 16, 1<<23 - 1, 1 << 31, 1<<32 - 1, 1 << 40} {
				for _, at := range [][2]float64{{1, 0}, {-1, 0}, {0, -1}, {0.6, 0.8}} {
					b := g.AppendStep([]byte{9}, step, at[0], at[1])[1:]
					if err := g.Field.Check(b); err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
					if got, ok := g.Step(b); !ok || got != step%g.Period() {
						t.Fatalf("step %d reads as %d, %v", step, got, ok)
					}
				}
			}
		})
	}
}

func TestChoose(t *testing.T) {
	schema := parse(t, `
		struct S { uint8 a; };
		dclass Base { setLocation(uint32 parent, uint32 zone) broadcast ram; setHp(uint16 hp) required broadcast; };
		dclass Avatar : Base { setName(string name) broadcast; setPos(int16 x, int16 y) broadcast; setXY : setPos; only(uint8 x) p2p; none() broadcast; };
		dclass Odd { setX(uint8 x) broadcast; setNeeded(uint8(1-1) a = <00>) required; };
		dclass Fixed { setOne(uint8(1-1) a) broadcast; };
	`)
	for _, c := range []struct{ class, field, want, err string }{
		{"", "", "Avatar.setPos", ""},
		{"Base", "", "Base.setHp", ""},
		{"Avatar", "setHp", "Avatar.setHp", ""},
		{"", "setHp", "Base.setHp", ""},
		{"Base", "setLocation", "Base.setLocation", ""},
		{"Nobody", "", "", `no dclass "Nobody"`},
		{"S", "", "", `no dclass "S"`},
		{"Avatar", "setAge", "", `no class has a field "setAge"`},
		{"Avatar", "setName", "", "no number"},
		{"Avatar", "only", "", "must be broadcast"},
		{"Avatar", "setXY", "", "molecular"},
		{"Odd", "setX", "", "do not know how to create"},
		{"Avatar", "none", "", "no parameter"},
		{"Fixed", "setOne", "", "no parameter that can count"},
		{"Fixed", "", "", "no field to walk with"},
	} {
		g, err := Choose(schema, c.class, c.field)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s %s: error %v, want %s", c.class, c.field, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("%s %s: %v", c.class, c.field, err)
		case c.err == "" && g.Class.Name()+"."+g.Field.Name() != c.want:
			t.Errorf("%s %s: chose %s.%s, want %s", c.class, c.field, g.Class.Name(), g.Field.Name(), c.want)
		}
	}
	if _, err := Choose(parse(t, ""), "", ""); err == nil {
		t.Error("walks without any class")
	}
}

func TestAhead(t *testing.T) {
	g, err := Choose(parse(t, "dclass Walker { move(uint8 x) broadcast; };"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		step, last, ahead uint64
		ok                bool
	}{{5, 5, 0, true}, {6, 5, 1, true}, {2, 254, 4, true}, {300, 43, 1, true}, {5, 6, 255, false}, {255, 0, 255, false}, {128, 0, 128, true}} {
		if ahead, ok := g.Ahead(c.step, c.last); ahead != c.ahead || ok != c.ok {
			t.Errorf("%d is %d ahead of %d, %v; want %d, %v", c.step, ahead, c.last, ok, c.ahead, c.ok)
		}
	}
}
