package messagedirector

import (
	"io"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
)

// hears makes a link that hears channel 700, for post-removes.
func hears(t *testing.T, st *coreStage) peer {
	p, _ := st.join()
	m, err := compose("add 700")
	if err != nil {
		t.Fatal(err)
	}
	p.send(m)
	return p
}

// What a link has sent that waits in the queue when it is dropped comes too late:
// its post-removes have cleared up after it.
func TestNothingComesBehindPostRemoves(t *testing.T) {
	st := newCoreStage(t, &stageConfig{}).(*coreStage)
	ear := hears(t, st)
	q, _ := st.join()
	p := q.(*corePeer)
	say := func(s string) {
		m, err := compose(s)
		if err != nil {
			t.Fatal(err)
		}
		p.send(m)
	}
	say("post-remove 1 5 -> 700 : 7 deletes")
	st.director.Do(func() {
		say("5 -> 700 : 7 creates") // waits for the end of this
		say("add 801")
		v, _ := st.server.links.Load(p.conn)
		v.(*link).drop(dropOverrun, "it reads nothing")
	})
	got := ear.received()
	if len(got) != 1 || describe(got[0]) != "5 -> 700 : 7 deletes" {
		t.Errorf("the others hear %q", got)
	}
	if s := st.director.Stats(); s.Channels != 1 {
		t.Errorf("%d channels are left", s.Channels)
	}
}

// A link that takes nothing is dropped, and its post-removes are sent, before
// the transport has found out.
func TestStalledLinkIsDropped(t *testing.T) {
	for name, stop := range map[string]func(*coreStage, *corePeer){
		"for too long": func(st *coreStage, p *corePeer) {
			p.conn.stats = transport.Stats{MessagesSent: 1, BytesSent: 10, Queued: 12}
			st.server.findStalled(time.Unix(1000, 0))
			st.server.findStalled(time.Unix(1009, 0))
			if p.dropped() {
				t.Error("dropped too early")
			}
			st.server.findStalled(time.Unix(1010, 0))
		},
		"too much": func(st *coreStage, p *corePeer) {
			p.conn.err = transport.ErrFull
			m, _ := compose("5 -> 800 : 1")
			q, _ := st.join()
			q.send(m, m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := newCoreStage(t, &stageConfig{}).(*coreStage)
			ear := hears(t, st)
			q, _ := st.join()
			p := q.(*corePeer)
			for _, s := range []string{"add 800", "post-remove 1 5 -> 700 : 7 gone"} {
				m, err := compose(s)
				if err != nil {
					t.Fatal(err)
				}
				p.send(m)
			}
			stop(st, p)
			if !p.dropped() {
				t.Fatal("it is still there")
			}
			if got := ear.received(); len(got) != 1 || describe(got[0]) != "5 -> 700 : 7 gone" {
				t.Errorf("the others hear %q", got)
			}
			// What it still sends is for nobody.
			m, _ := compose("add 801")
			p.send(m)
			st.server.Closed(p.conn, io.EOF)
			if got := ear.received(); len(got) != 0 {
				t.Errorf("the others hear %q twice", got)
			}
			if s := st.director.Stats(); s.Channels != 1 {
				t.Errorf("%d channels are left", s.Channels)
			}
			n := st.server.Stats()
			if n.Dropped["stalled"]+n.Dropped["overrun"] != 1 {
				t.Errorf("counted %v", n.Dropped)
			}
		})
	}
}

// What waits for all links together is bounded: those for which most waits go.
func TestQueuedOfAllLinks(t *testing.T) {
	st := newCoreStage(t, &stageConfig{server: ServerConfig{MaxQueued: 1000}}).(*coreStage)
	var all []*corePeer
	for i := range 4 {
		q, _ := st.join()
		p := q.(*corePeer)
		p.conn.stats.Queued = 300 + i
		m, err := compose("add 800")
		if err != nil {
			t.Fatal(err)
		}
		p.send(m)
		all = append(all, p)
	}
	for range 8 { // until it looks
		m, _ := compose("5 -> 800 : 1")
		q, _ := st.join()
		q.send(m)
	}
	for i, p := range all {
		if p.dropped() != (i == 3) {
			t.Errorf("link %d with %d bytes: dropped %v", i, p.conn.stats.Queued, p.dropped())
		}
	}
	if n := st.server.Stats().Dropped["overrun"]; n != 1 {
		t.Errorf("counted %d", n)
	}
}

// A long message for many links is in memory once.
func TestLongMessageIsShared(t *testing.T) {
	st := newCoreStage(t, &stageConfig{}).(*coreStage)
	var first, second []byte
	for _, to := range []*[]byte{&first, &second} {
		q, _ := st.join()
		m, err := compose("add 800")
		if err != nil {
			t.Fatal(err)
		}
		q.send(m)
		q.(*corePeer).conn.shared = to
	}
	m, _ := compose("5 -> 800 : 1")
	sender, _ := st.join()
	long := append(m, make([]byte, longMessage)...)
	sender.send(long)
	if len(first) != len(long) || &first[0] != &second[0] || &first[0] == &long[0] {
		t.Errorf("%d and %d bytes are not the same copy", len(first), len(second))
	}
	sender.send(m)
	if len(first) != len(long) {
		t.Error("a short one is shared, too")
	}
}

// An upstream that takes nothing is given up, to be dialled again.
func TestStalledUpstreamIsGivenUp(t *testing.T) {
	st := newCoreStage(t, &stageConfig{}).(*coreStage)
	up := st.upstream().(*coreUp)
	defer up.leave()
	up.conn.err = transport.ErrFull
	p, _ := st.join()
	m, _ := compose("5 -> 800 : 1")
	p.send(m, m)
	if !up.dropped() {
		t.Error("it is still there")
	}
	if n := up.up.Stats().GivenUp; n != 1 {
		t.Errorf("counted %d times", n)
	}
}
