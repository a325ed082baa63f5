package dc

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// What Panda3D answers under the eight settings of its three options.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		options                       Options
		types, structs, inherit, pips uint32 // inherit 0: refused, it has several parents
	}{
		{Options{}, 196720924, 29690866, 38754115, 15989537},
		{Options{NoSortByFile: true}, 196720926, 29527012, 38748563, 15973705},
		{Options{NoVirtualInheritance: true}, 195844222, 29381839, 38557324, 15852222},
		{Options{NoVirtualInheritance: true, NoSortByFile: true}, 195844222, 29381839, 38557324, 15852222},
		{Options{NoMultipleInheritance: true}, 180061157, 28947992, 0, 15556126},
		{Options{NoMultipleInheritance: true, NoSortByFile: true}, 180061159, 28947994, 0, 15556128},
		{Options{NoMultipleInheritance: true, NoVirtualInheritance: true}, 179321149, 28811397, 0, 15433241},
		{Options{NoMultipleInheritance: true, NoVirtualInheritance: true, NoSortByFile: true}, 179321149, 28811397, 0, 15433241},
	} {
		for file, want := range map[string]uint32{"types.dc": c.types, "structs.dc": c.structs, "inherit.dc": c.inherit, "pipes.dc": c.pips} {
			s, err := c.options.ParseFiles(filepath.Join("testdata", file))
			switch {
			case want == 0:
				var list ErrorList
				if !errors.As(err, &list) || list[0].Line != 26 || list[0].Column != 24 {
					t.Errorf("%+v: %s: error %v, want one about the second parent in line 26", c.options, file, err)
				}
			case err != nil:
				t.Errorf("%+v: %s: %v", c.options, file, err)
			case s.Hash() != want:
				t.Errorf("%+v: %s: hash %d, want %d", c.options, file, s.Hash(), want)
			}
		}
	}
}

func numbered(fields []*Field) []string {
	var list []string
	for _, f := range fields {
		list = append(list, f.Name()+" "+strconv.Itoa(f.Number()))
	}
	return list
}

func TestInheritedOrder(t *testing.T) {
	for _, c := range []struct {
		options Options
		class   string
		want    []string
	}{
		{Options{}, "Vehicle", []string{"setLocation 0", "setName 1", "setX 2", "setY 3", "setZ 4", "setH 5",
			"setXY 6", "setXYZ 7", "setXYZH 8", "speed 15", "setDriver 16"}},
		{Options{NoSortByFile: true}, "Vehicle", []string{"setLocation 0", "setX 2", "setY 3", "setZ 4", "setH 5",
			"setXY 6", "setXYZ 7", "setXYZH 8", "setName 1", "speed 15", "setDriver 16"}},
		{Options{NoVirtualInheritance: true}, "Vehicle", []string{"setLocation 0", "setX 2", "setY 3", "setZ 4", "setH 5",
			"setXY 6", "setXYZ 7", "setXYZH 8", "setLocation 0", "setName 1", "speed 15", "setDriver 16"}},
		{Options{NoSortByFile: true}, "Pose", []string{"x -1", "y -1"}},
		{Options{NoSortByFile: true}, "Statue", []string{"setLocation 0", "setPose 17"}},
		{Options{}, "Statue", []string{"setLocation 0", "setPose 19"}},
		{Options{}, "Npc", []string{"setLocation 0", "setX 2", "setY 3", "setZ 4", "setH 5", "setXY 6", "setXYZ 7", "setXYZH 8",
			"setHp 9", "setSecret 10", "sendChat 11", "setTarget 12", "setBrain 13", "setName 14"}},
	} {
		s, err := c.options.ParseFiles("testdata/inherit.dc")
		if err != nil {
			t.Fatal(err)
		}
		if got := numbered(s.Class(c.class).Fields()); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %s has %v, want %v", c.options, c.class, got, c.want)
		}
	}
}

// Without multiple inheritance each class counts its fields from 0.
func TestNumbersPerClass(t *testing.T) {
	text := "dclass A { a(); b(); } dclass B : A { c(); a(); } dclass C : A { d(); }"
	s, err := Options{NoMultipleInheritance: true}.Parse(Source{"x.dc", []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	for class, want := range map[string][]string{
		"A": {"a 0", "b 1"}, "B": {"a 0", "b 1", "c 2", "a 3"}, "C": {"a 0", "b 1", "d 2"},
	} {
		c := s.Class(class)
		if got := numbered(c.Fields()); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", class, got, want)
		}
		for i, f := range c.Fields() {
			if c.Field(i) != f {
				t.Errorf("field %d of %s is %v, want %v", i, class, c.Field(i), f)
			}
		}
		if c.Field(len(want)) != nil || c.Field(-1) != nil {
			t.Errorf("%s has fields it should not have", class)
		}
	}
	if s.FieldByNumber(0) != nil {
		t.Error("numbers are not unique, so there is no field 0")
	}
	if s.CheckFieldNumbers() == nil {
		t.Error("nobody says so")
	}
	s, err = Parse(Source{"x.dc", []byte(text + " struct D { int8 x; };")})
	if err != nil || s.CheckFieldNumbers() != nil {
		t.Errorf("with multiple inheritance: %v, %v", err, s.CheckFieldNumbers())
	}
}
