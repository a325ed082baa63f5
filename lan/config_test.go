package lan

import (
	"math"
	"strings"
	"testing"

	"github.com/culm-net/culm/dc"
)

func TestConfigErrors(t *testing.T) {
	text := dc.Source{Name: "a.dc", Text: []byte("struct S {}; dclass A { f(uint8) broadcast; }; dclass B { g(uint8) broadcast; };")}
	schema, err := dc.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	single, err := dc.Options{NoMultipleInheritance: true}.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"no schema":                  {Config{}, "Schema is missing"},
		"ambiguous field numbers":    {Config{Schema: single}, "multiple inheritance"},
		"a range of one":             {Config{Schema: schema, DoIDRange: 1}, "at least 2"},
		"more clients than ranges":   {Config{Schema: schema, MaxClients: 4295}, "doIds for 4294 clients, not for 4295"},
		"no room for a message":      {Config{Schema: schema, MaxMessage: 17}, "at least 18"},
		"endless messages":           {Config{Schema: schema, MaxMessage: -1}, "at least 18"},
		"a rate that is no number":   {Config{Schema: schema, ZoneRate: math.NaN()}, "not a number"},
		"an unknown class":           {Config{Schema: schema, TrustedClasses: []string{"A", "C"}}, `"C" is not a dclass`},
		"a struct's trusted objects": {Config{Schema: schema, TrustedClasses: []string{"S"}}, `"S" is not a dclass`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewServer(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestConfigDefaults(t *testing.T) {
	schema, err := dc.Parse()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		doIDRange  uint32
		maxClients int
		want       int
	}{
		{0, 0, DefaultMaxClients},
		{0, -1, 4294},
		{1 << 20, 0, DefaultMaxClients},
		{1 << 30, 0, 4},
		{1 << 30, -1, 4},
		{1 << 30, 3, 3},
	} {
		s, err := Config{Schema: schema, DoIDRange: c.doIDRange, MaxClients: c.maxClients}.complete()
		if err != nil {
			t.Fatal(err)
		}
		if s.MaxClients != c.want {
			t.Errorf("range %d, %d clients: %d are let in, wanted %d", c.doIDRange, c.maxClients, s.MaxClients, c.want)
		}
	}
}
