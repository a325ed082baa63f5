package pipes

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// crowd makes objects with long names and a client who knows them all.
func crowd(t *testing.T, hello string, maxReliable int) (*stage, *fakeConn, []*world.Object) {
	t.Helper()
	st := newStage()
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	var objects []*world.Object
	for range 60 {
		objects = append(objects, must(st.world.Spawn(world.Spawn{Class: "Avatar", Zone: 7})))
	}
	c := st.connect("ann", net.IPv4(192, 0, 2, 1))
	c.maxReliable = maxReliable
	st.send(c, must(c.encode(hello)), must(c.encode("interest 1 7")))
	for range 20 {
		st.tick()
		st.send(c, must(c.encode(fmt.Sprintf("ack %d", st.world.Tick()))))
	}
	if !slices.Contains(c.texts(), "complete 1") {
		t.Fatal("the client does not know all")
	}
	c.got = nil
	for i, o := range objects {
		if err := o.Set("name", strings.Repeat("x", 100+i)); err != nil {
			t.Fatal(err)
		}
	}
	return st, c, objects
}

// The parts of a snapshot take the places of those of an older one, and not of each
// other.
func TestPartsHaveKeys(t *testing.T) {
	st, c, _ := crowd(t, "hello ext update=50", 65535)
	for range 2 {
		c.got = nil
		st.tick()
		var keys []uint64
		for _, m := range c.got {
			if typ, _, _ := wire.Split(m.Data); typ == wire.ExtSnapshot {
				if m.Mode != transport.Latest {
					t.Errorf("a part goes in mode %v", m.Mode)
				}
				keys = append(keys, m.Key)
			}
		}
		if len(keys) < 5 || keys[0] != 0 || keys[len(keys)-1] != uint64(len(keys)-1) || !slices.IsSorted(keys) {
			t.Errorf("parts have the keys %v", keys)
		}
	}
}

// A snapshot of a plain client is a single message, and yet has only as much as the
// connection carries.
func TestPlainSnapshotFits(t *testing.T) {
	const most = 1000
	st, c, objects := crowd(t, "hello update=50", most)
	seen := 0
	for range 40 {
		c.got = nil
		st.tick()
		if c.closed {
			t.Fatal(c.reason)
		}
		for _, m := range c.got {
			if typ, _, _ := wire.Split(m.Data); typ == wire.SVTick {
				seen += strings.Count(string(m.Data), strings.Repeat("x", 100))
			}
		}
		st.send(c, must(c.encode(fmt.Sprintf("ack %d", st.world.Tick()))))
	}
	if seen < len(objects) {
		t.Errorf("%d of %d objects were told", seen, len(objects))
	}
}
