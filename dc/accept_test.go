package dc

import "testing"

func TestPandaAccepts(t *testing.T) {
	for _, c := range pandaAccepts {
		s, err := Parse(Source{"x.dc", []byte(c.text)})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if s.Hash() != c.hash {
			t.Errorf("%s: hash %d, want %d, of\n%s", c.name, s.Hash(), c.hash, c.text)
		}
	}
}

func TestPandaRefuses(t *testing.T) {
	for _, c := range pandaRefuses {
		if _, err := Parse(Source{"x.dc", []byte(c.text)}); err == nil {
			t.Errorf("%s is accepted:\n%s", c.name, c.text)
		} else {
			checkErrors(t, err)
		}
	}
}
