package pipes

import (
	"context"
	"net"
	"testing"

	"github.com/culm-net/culm/transport"
)

// countingListener counts what is flushed together.
type countingListener struct {
	transport.Listener
	flushes, conns int
}

func (l *countingListener) Flush(conns []transport.Conn) {
	l.flushes++
	l.conns += len(conns)
}

func (l *countingListener) Serve(context.Context, transport.Handler) error { return nil }

// What a tick makes leaves with one flush for all; an answer that somebody waits
// for leaves at once.
func TestFlush(t *testing.T) {
	st := newStage()
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	l := &countingListener{}
	st.server.listener = l
	var conns []*fakeConn
	for i := range 5 {
		c := st.connect(string(rune('a'+i)), net.IPv4(192, 0, 2, 1))
		conns = append(conns, c)
		st.send(c, must(c.encode("hello update=25")))
		if c.flushes != 1 {
			t.Errorf("the welcome is flushed %d times", c.flushes)
		}
	}
	st.tick()
	if l.flushes != 1 || l.conns != 5 {
		t.Errorf("%d flushes of %d connections for a tick with snapshots for 5", l.flushes, l.conns)
	}
	st.tick()
	if l.flushes != 1 {
		t.Error("a flush in a tick without anything to send")
	}
	st.send(conns[0], must(conns[0].encode("ping")), must(conns[0].encode("ping")))
	if conns[0].flushes != 2 || l.flushes != 1 {
		t.Errorf("two pings are answered with %d flushes", conns[0].flushes-1)
	}
}
