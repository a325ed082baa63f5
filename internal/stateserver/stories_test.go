package stateserver_test

import (
	"testing"

	"github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/messagedirector/mdtest"
	"github.com/culm-net/culm/internal/stateserver"
)

// TestStories plays testdata/stories on the core and over TCP.
func TestStories(t *testing.T) {
	schema := game(t)
	var server *stateserver.StateServer
	mdtest.Run(t, "testdata/stories/*.txt", mdtest.Role{
		Open: func(t testing.TB, d *messagedirector.Director, settings map[string]string) {
			_, two := settings["second"]
			delete(settings, "second")
			open := func(control uint64) *stateserver.StateServer {
				s, err := stateserver.New(d, stateserver.Config{Control: control, Schema: schema, Limits: limits(t, settings)})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			server = open(control)
			if two {
				open(control + 1)
			}
		},
		Count: func(name string) (uint64, bool) {
			s := server.Stats()
			if name == "objects" {
				return uint64(s.Objects), true
			}
			n, ok := s.Ignored[name]
			return n, ok
		},
		Codec: &mdtest.Codec{Schema: schema},
	})
}
