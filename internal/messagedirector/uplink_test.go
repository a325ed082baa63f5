package messagedirector

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// narrowConn takes only some messages until it is given room for more.
type narrowConn struct {
	fakeConn
	room int
}

func (c *narrowConn) Send(m transport.Message) error {
	if c.room == 0 {
		return transport.ErrFull
	}
	c.room--
	return c.fakeConn.Send(m)
}

// narrow is a director with channels 1001 to 1005, and the link above it after
// the first two of them went.
func narrow(t *testing.T, backlog int) (d *Director, p *funcReceiver, c *narrowConn, w *upwire) {
	d = New(Limits{})
	p = listener(func(*Message) {})
	c = &narrowConn{room: 2}
	u := NewUplink(d, UplinkConfig{MaxBacklog: backlog})
	t.Cleanup(u.outlet.Close)
	w = newUpwire(u, c)
	d.Do(func() {
		for ch := range uint64(5) {
			_ = d.Subscribe(&p.Participant, 1001+ch)
		}
		d.SetUpstream(w)
		w.restored()
	})
	return d, p, c, w
}

// When there is more to restore than the link's queue holds, it goes on as the
// queue drains, and what was said meanwhile comes behind it.
func TestUpstreamIsRestoredInParts(t *testing.T) {
	d, p, c, w := narrow(t, 1000)
	send := func(text string) {
		var b Batch
		b.From(&p.Participant)
		m, err := compose(text)
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Append(m)
		d.Post(&b)
	}
	send("5 -> 800 : 1")
	send("remove 1002")
	for range 3 {
		<-w.behind
		c.room = 2
		d.Do(w.catchUp)
	}
	select {
	case <-w.behind:
		t.Error("it is to go on, with nothing")
	default:
	}
	send("5 -> 800 : 2")
	send("5 -> 800 : 3")
	var got []string
	for _, m := range c.sent {
		got = append(got, describe(m))
	}
	want := []string{"add 1001", "add 1002", "add 1003", "add 1004", "add 1005", "5 -> 800 : 1", "remove 1002", "5 -> 800 : 2"}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if !c.closed {
		t.Error("it is not given up though nothing is left to restore and its queue is full")
	}
}

// What may come behind what is to be restored is bounded.
func TestUpstreamIsGivenUpInRestoring(t *testing.T) {
	d, p, c, w := narrow(t, 200)
	var b Batch
	for i := range 10 {
		b.From(&p.Participant)
		m, _ := compose("5 -> 800 : 1")
		_ = b.Append(m)
		d.Post(&b)
		if c.closed {
			if i < 5 || len(w.rest.Buf) > 0 {
				t.Errorf("closed after %d messages, holding %d bytes", i+1, len(w.rest.Buf))
			}
			return
		}
	}
	t.Error("it holds all that is said")
}

// A link whose queue is much shorter than all there is to restore.
func TestUpstreamOfManyChannels(t *testing.T) {
	const channels = 40_000
	st := newTCPStage(t, &stageConfig{}).(*tcpStage)
	below := New(Limits{})
	p := listener(nil)
	below.Do(func() {
		for ch := range uint64(channels) {
			if err := below.Subscribe(&p.Participant, 2*ch); err != nil {
				t.Error(err)
			}
		}
	})
	up := NewUplink(below, UplinkConfig{Once: true, Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		return tcp.Dial(ctx, st.addr, tcp.Config{SendQueue: 1 << 16}, h)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := up.Run(ctx); err != nil {
			t.Error(fmt.Errorf("Run: %w", err))
		}
	})
	for st.director.Stats().Channels < channels && up.Stats().Lost == 0 {
		runtime.Gosched()
	}
	cancel()
	running.Wait()
	if n := up.Stats(); n.GivenUp != 0 || n.Opened != 1 {
		t.Errorf("counted %+v", n)
	}
}
