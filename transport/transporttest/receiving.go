package transporttest

import (
	"slices"
	"time"

	"github.com/culm-net/culm/transport"
)

// Nothing arrives during a hold, and all of it afterwards. Of two holds the
// one that ends later counts.
func testHold(e *env) {
	client, server := e.pair()
	e.send(client, "before")
	e.arrive(server, "before")
	const d = 60 * time.Millisecond
	began := e.now()
	server.conn.Hold(d)
	server.conn.Hold(d / 4)
	server.conn.Hold(0)
	server.conn.Hold(-d)
	e.send(client, "one")
	e.send(client, "two")
	e.arrive(server, "before", "one", "two")
	server.mu.Lock()
	defer server.mu.Unlock()
	for i, at := range server.times[1:] {
		if at < began+d {
			e.Errorf("message %d came %v after a hold of %v", i, at-began, d)
		}
	}
}

// No unreliable message arrives during a hold either; it may be lost.
func testHoldUnreliable(e *env) {
	client, server := e.pair()
	e.send(client, "before")
	e.arrive(server, "before")
	const d = 60 * time.Millisecond
	began := e.now()
	server.conn.Hold(d)
	for i := range 200 {
		m := transport.Message{Data: []byte{byte(i)}, Mode: transport.Mode(1 + i%2), Key: uint64(i)}
		if err := client.conn.Send(m); err != nil {
			e.Fatal(err)
		}
		client.conn.Flush()
	}
	e.send(client, "after")
	e.until("what is reliable", func() bool { return slices.Contains(server.received(), "after") })
	server.mu.Lock()
	defer server.mu.Unlock()
	for i, at := range server.times[1:] {
		if at < began+d {
			e.Errorf("message %d came %v after a hold of %v", i, at-began, d)
		}
	}
}

// Hold in Received puts off all that is not in this call, also what came from
// the network together with it. All of it arrives, and the peer may have
// closed meanwhile.
func testHoldInReceived(e *env) {
	const messages, d = 5000, 5 * time.Millisecond
	var until time.Duration
	e.server.on(nil, func(p *peer, _ [][]byte) {
		now := e.now()
		if now < until {
			e.Errorf("Received %v before a hold was over", until-now)
		}
		until = now + d
		p.conn.Hold(d)
	})
	client, server := e.pair()
	var want []string
	for i := range messages {
		want = append(want, string(rune('a'+i%26)))
		e.sendOnly(client, want[i])
	}
	client.conn.Close(transport.CodeNormal, "")
	e.arrive(server, want...)
	if got := e.cause(server); !got.Remote {
		e.Errorf("Closed with %v", got)
	}
}

func testStats(e *env) {
	client, server := e.pair()
	want := []string{"a", "bcd", "", "efghi"}
	const size = 9
	e.send(client, want...)
	e.arrive(server, want...)
	e.send(server, want...)
	e.arrive(client, want...)
	for _, p := range []*peer{client, server} {
		e.until("counters that add up", func() bool {
			s := p.conn.Stats()
			return s.MessagesSent == 4 && s.BytesSent == size && s.MessagesReceived == 4 && s.BytesReceived == size &&
				s.Dropped == 0 && s.Queued == 0 && s.RTT >= 0 && s.Loss >= 0 && s.Loss <= 1
		})
	}
}

func testDelivered(e *env) {
	client, server := e.pair()
	if _, ok := client.conn.Delivered(); ok != e.Delivered {
		e.Fatalf("Delivered is known: %v, want %v", ok, e.Delivered)
	}
	if !e.Delivered {
		return
	}
	e.send(client, "1", "2", "3")
	if n, _ := client.conn.Delivered(); n > uint64(len(server.received())) {
		e.Errorf("Delivered is %d before anything was received", n)
	}
	e.until("3 delivered", func() bool {
		n, _ := client.conn.Delivered()
		if got := len(server.received()); n > uint64(got) {
			e.Fatalf("%d delivered, %d received", n, got)
		}
		return n == 3
	})
	e.send(client, "4")
	e.until("4 delivered", func() bool { n, _ := client.conn.Delivered(); return n == 4 })
	if n, _ := server.conn.Delivered(); n != 0 {
		e.Errorf("%d delivered of what was not sent", n)
	}
}

// Serve returns nil when its context is done; connections live on.
func testServeUntilDone(e *env) {
	client, server := e.pair()
	e.stop()
	e.served <- <-e.served // close reads it again
	e.send(client, "still here")
	e.arrive(server, "still here")
}

// Serve returns nil when the listener is closed; connections live on, and
// nobody new comes.
func testServeUntilClose(e *env) {
	client, server := e.pair()
	if err := e.Listener.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
	err := <-e.served
	e.served <- err
	if err != nil {
		e.Errorf("Serve returned %v", err)
	}
	late := newSide(e, "late dialer")
	if conn, err := e.Dial(late); err == nil {
		conn.Close(transport.CodeNormal, "") // it may take a while to be told
		e.until("Closed", func() bool {
			return !slices.ContainsFunc(late.all(), func(p *peer) bool { return p.closed() == nil })
		})
	}
	e.send(client, "still here")
	e.arrive(server, "still here")
	if n := len(e.server.all()); n != 1 {
		e.Errorf("%d connections were opened", n)
	}
}
