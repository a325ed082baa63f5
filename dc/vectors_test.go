package dc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// vector is what a real Panda3D 1.11 answers about a file.
type vector struct {
	File     string
	Hash     uint32
	Typedefs int
	Keywords []string
	Imports  [][2]json.RawMessage
	Classes  []vectorClass
}

type vectorClass struct {
	Number    int
	Name      string
	Struct    bool
	Parents   []string
	OwnFields int `json:"own_fields"`
	Inherited []vectorField
}

type vectorField struct {
	Index, Number int
	Name, Kind    string
	In            string
	Keywords      []string
	HasDefault    bool `json:"has_default"`
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no vectors")
	}
	return list
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.File, func(t *testing.T) {
			s, err := ParseFiles(filepath.Join("testdata", v.File))
			if err != nil {
				t.Fatal(err)
			}
			if s.Hash() != v.Hash {
				t.Errorf("hash %d, want %d", s.Hash(), v.Hash)
			}
			if len(s.Typedefs()) != v.Typedefs {
				t.Errorf("%d typedefs, want %d", len(s.Typedefs()), v.Typedefs)
			}
			if !slices.Equal(s.Keywords(), v.Keywords) {
				t.Errorf("keywords %v, want %v", s.Keywords(), v.Keywords)
			}
			checkImports(t, s, v)
			if len(s.Classes()) != len(v.Classes) {
				t.Fatalf("%d classes, want %d", len(s.Classes()), len(v.Classes))
			}
			for i, vc := range v.Classes {
				checkClass(t, s, s.Classes()[i], vc)
			}
		})
	}
}

func checkImports(t *testing.T, s *Schema, v vector) {
	if len(s.Imports()) != len(v.Imports) {
		t.Fatalf("%d imports, want %d", len(s.Imports()), len(v.Imports))
	}
	for i, want := range v.Imports {
		got := s.Imports()[i]
		var symbols []string
		if err := json.Unmarshal(want[1], &symbols); err != nil {
			t.Fatal(err)
		}
		if module, _ := json.Marshal(got.Module); string(module) != string(want[0]) || !slices.Equal(got.Symbols, symbols) {
			t.Errorf("import %d is %v, want %s %v", i, got, want[0], symbols)
		}
	}
}

func checkClass(t *testing.T, s *Schema, c *Class, v vectorClass) {
	if c.Name() != v.Name || c.Number() != v.Number || c.IsStruct() != v.Struct || len(c.OwnFields()) != v.OwnFields {
		t.Errorf("%v has number %d and %d fields, want %+v", c, c.Number(), len(c.OwnFields()), v)
	}
	if s.Class(v.Name) != c {
		t.Errorf("%s is not found by name", v.Name)
	}
	if v.Number >= 0 && s.ClassByNumber(v.Number) != c {
		t.Errorf("%s is not found by number", v.Name)
	}
	var parents []string
	for _, p := range c.Parents() {
		parents = append(parents, p.Name())
	}
	if !slices.Equal(parents, v.Parents) {
		t.Errorf("%s has parents %v, want %v", v.Name, parents, v.Parents)
	}
	if len(c.Fields()) != len(v.Inherited) {
		t.Fatalf("%s has %d fields, want %d", v.Name, len(c.Fields()), len(v.Inherited))
	}
	for i, vf := range v.Inherited {
		f := c.Fields()[i]
		got := vectorField{i, f.Number(), f.Name(), f.Kind().String(), f.Class().Name(), f.Keywords(), f.HasDefault()}
		if got.Keywords == nil {
			got.Keywords = []string{}
		}
		if !slices.Equal(got.Keywords, vf.Keywords) || got.Number != vf.Number || got.Name != vf.Name || got.Kind != vf.Kind ||
			got.In != vf.In || got.HasDefault != vf.HasDefault {
			t.Errorf("%s: field %+v, want %+v", v.Name, got, vf)
		}
		if s.FieldByNumber(vf.Number) != f || c.Field(vf.Number) != f {
			t.Errorf("%v is not found by its number %d", f, vf.Number)
		}
		if vf.Name != "" && c.FieldByName(vf.Name) != f {
			t.Errorf("%v is not found by its name", f)
		}
	}
}
