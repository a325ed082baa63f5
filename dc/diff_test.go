package dc

import (
	"slices"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	const before = `
keyword p2p;
struct Point { int16 / 10 x; int16 / 10 y; };
dclass Base { setX(int16 / 10 x) required broadcast; setY(int16 / 10); };
dclass Avatar : Base {
  setHp(uint8(0 - 100) hp = 50) broadcast ram;
  setPos(Point p, Point q[2]) broadcast;
  setAngle(int16 % 360 a);
  setKind(switch (uint8 k) { case 1: uint8 x; break; default: } s);
  uint16 score = 7 ram;
};
`
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(before) }
	const fit, misfit = "Old clients fit where", "Old clients do not fit"
	for _, c := range []struct {
		name, after string
		fits        bool
		want        []string // the lines but for the summary
	}{
		{"the same", before, true, nil},
		{"comments and names of typedefs", "typedef int16 / 10 T; // new\n" + swap("setY(int16 / 10)", "setY(T)"), true, nil},
		{"a new field at the end", before + "dclass Npc : Avatar { setBrain(string); };", true,
			[]string{"  added dclass Npc"}},
		{"a new field in front", swap("{ setX(", "{ setW(blob) p2p; setX("), false,
			[]string{"  added Base.setW (blob) p2p, number 2", "! 7 numbers moved by +1: from Base.setX, now 3, to Avatar.score, now 9"}},
		{"an inherited field declared again", swap("  uint16 score", "  setX(int16 / 10 x) required broadcast;\n  uint16 score"), false,
			[]string{"! added Avatar.setX (int16 / 10 x) required broadcast, number 8, instead of Base.setX", "! Avatar.score: number 9, was 8"}},
		{"a new required field", swap("ram;\n};", "ram;\n  setZ(int8) required;\n};"), false,
			[]string{"  added Avatar.setZ (int8) required, number 9", "! Avatar: fields in generates setX, setZ (not broadcast), was setX"}},
		{"a removed field", swap("  uint16 score = 7 ram;\n", ""), false,
			[]string{"! removed Avatar.score uint16 ram, number 8"}},
		{"a removed class", swap("dclass Avatar", "dclass Npc"), false,
			[]string{"! removed dclass Avatar", "  added dclass Npc"}},
		{"no parent", swap(": Base ", ""), false,
			[]string{"! Avatar: parents none, was Base", "! Avatar: fields in generates none, was setX"}},
		{"keywords", swap("broadcast ram", "p2p"), true,
			[]string{"  Avatar.setHp: keywords p2p, was broadcast ram"}},
		{"a required field is no longer broadcast", swap("required broadcast", "required"), false,
			[]string{"  Base.setX: keywords required, was required broadcast",
				"! Base: fields in generates setX (not broadcast), was setX", "! Avatar: fields in generates setX (not broadcast), was setX"}},
		{"a type", swap("uint16 score", "uint32 score"), false, []string{"! Avatar.score: types uint32, was uint16"}},
		{"a divisor", swap("setY(int16 / 10)", "setY(int16 / 100)"), false,
			[]string{"! Base.setY: types (int16 / 100), was (int16 / 10)"}},
		{"a range", swap("0 - 100", "0 - 99"), false,
			[]string{"! Avatar.setHp: allowed values (uint8(0 - 99) hp), was (uint8(0 - 100) hp)"}},
		{"a modulus", swap("% 360", "% 180"), true,
			[]string{"  Avatar.setAngle: declaration (int16 % 180 a), was (int16 % 360 a)"}},
		{"a default", swap("hp = 50", "hp = 60"), true,
			[]string{"  Avatar.setHp: default (hp = 60), was (hp = 50)"}},
		{"an implicit default is written", swap("int16 / 10 x)", "int16 / 10 x = 0)"), true,
			[]string{"  Base.setX: default (x = 0), was (x = 0) (implicit)"}},
		{"a struct grew", swap("int16 / 10 y; }", "int16 / 10 y; uint8 z; }"), false,
			[]string{"  added Point.z uint8, number 2", "! Avatar.setPos: types (Point p, Point[2] q), with a struct or switch declared differently, was (Point p, Point[2] q)",
				"! 7 numbers moved by +1: from Base.setX, now 3, to Avatar.score, now 9"}},
		{"a name in a struct", swap("int16 / 10 y; }", "int16 / 10 why; }"), true,
			[]string{"  removed Point.y int16 / 10, number 1", "  added Point.why int16 / 10, number 1",
				"  Avatar.setPos: declaration (Point p, Point[2] q), with a struct or switch declared differently, was (Point p, Point[2] q)"}},
		{"a case", swap("default: }", "case 2: uint8 y; break; default: }"), false,
			[]string{"! Avatar.setKind: types (switch s), with a struct or switch declared differently, was (switch s)"}},
		{"from method to parameter field", swap("setY(int16 / 10)", "int16 / 10 setY"), true,
			[]string{"  Base.setY: kind parameter, was atomic", "  Base.setY: declaration int16 / 10, was (int16 / 10)"}},
		{"a class in front", "dclass New {};" + before, false,
			[]string{"  added dclass New", "! Base: number 2, was 1", "! Avatar: number 3, was 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Diff(mustParse(t, before), mustParse(t, c.after))
			text := d.String()
			lines := strings.Split(strings.TrimSpace(text), "\n")
			for i, l := range lines {
				lines[i] = strings.TrimSpace(l)
			}
			var want []string
			for _, w := range c.want {
				want = append(want, strings.TrimSpace(w))
			}
			n := len(lines) - 2
			if len(c.want) == 0 {
				n = max(n, 0)
			}
			if got := lines[:n]; !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if d.OldClientsFit() != c.fits || strings.Contains(text, misfit) == c.fits {
				t.Errorf("fits: %v, want %v; %s", d.OldClientsFit(), c.fits, text)
			}
			if len(c.want) > 0 && strings.Contains(text, fit) != c.fits {
				t.Error(text)
			}
			if same := strings.Contains(text, "hash is the same") || strings.Contains(text, "hash is 0x"); same != d.SameHash() {
				t.Errorf("hashes are the same: %v; %s", d.SameHash(), text)
			}
		})
	}
}
