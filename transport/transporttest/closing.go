package transporttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/culm-net/culm/transport"
)

// checkClosedBy checks what a side that closed, and its peer, are told.
func (e *env) checkClosedBy(local, remote *peer, code transport.Code, reason string) {
	e.Helper()
	if got := e.cause(local); got.Remote || got.Code != code || got.Reason != reason {
		e.Errorf("the side that closed is told: %v", got)
	}
	got := e.cause(remote)
	if !e.Codes {
		code, reason = transport.CodeUnknown, ""
	}
	if !got.Remote || got.Code != code || got.Reason != reason {
		e.Errorf("the other side is told: %v", got)
	}
}

// What was sent reliably before Close arrives, though nobody flushed it.
func testCloseSendsTheRest(e *env) {
	for _, size := range []int{5, 1000} {
		client, server := e.pair()
		var want []string
		for i := range 100 {
			m := fmt.Sprint(i) + strings.Repeat(".", size)
			want = append(want, m)
			e.sendOnly(server, m)
		}
		server.conn.Close(1234, "enough")
		e.checkClosedBy(server, client, 1234, "enough")
		e.arrive(client, want...)
	}
}

func testFirstCloseCounts(e *env) {
	client, server := e.pair()
	client.conn.Close(transport.CodeShutdown, "first")
	client.conn.Close(transport.CodeNormal, "second")
	e.checkClosedBy(client, server, transport.CodeShutdown, "first")
	client.conn.Close(transport.CodeNormal, "third")
	server.conn.Close(transport.CodeNormal, "fourth")
}

// A reason that is too long or no UTF-8 is made fit.
func testLongReason(e *env) {
	client, server := e.pair()
	client.conn.Close(transport.CodeNormal, "\xff"+strings.Repeat("ü", transport.MaxReason))
	for _, p := range []*peer{client, server} {
		longest := transport.MaxReason
		if p == server && e.MaxReason > 0 {
			longest = e.MaxReason
		}
		got := e.cause(p).Reason
		if len(got) > longest || !utf8.ValidString(got) {
			e.Errorf("a reason of %d bytes: %q", len(got), got)
		}
		if len(got) < longest-4 && (p == client || e.Codes) {
			e.Errorf("the reason was cut to %d bytes: %q", len(got), got)
		}
	}
}

// Close in Opened refuses a peer: nothing is received from it.
func testCloseInOpened(e *env) {
	e.server.on(func(c transport.Conn) {
		_ = c.Send(transport.Message{Data: []byte("sorry")})
		c.Close(transport.CodeRefused, "no")
	}, nil)
	conn, err := e.Dial(e.client)
	if err != nil {
		e.Fatal(err)
	}
	for range 10 {
		_ = conn.Send(transport.Message{Data: []byte("let me in")})
		conn.Flush()
	}
	e.until("Opened on both sides", func() bool { return len(e.server.all()) > 0 && e.client.find(conn) != nil })
	server, client := e.server.all()[0], e.client.find(conn)
	e.checkClosedBy(server, client, transport.CodeRefused, "no")
	e.arrive(client, "sorry")
	if got := server.received(); len(got) > 0 {
		e.Errorf("received %s from a peer that was refused", short(got))
	}
}

// After Close in Received nothing more is received.
func testCloseInReceived(e *env) {
	calls := make(chan int, 1000)
	e.server.on(nil, func(p *peer, msgs [][]byte) {
		calls <- len(msgs)
		p.conn.Close(transport.CodeProtocol, "what was that?")
	})
	client, server := e.pair()
	for range 20 {
		if err := client.conn.Send(transport.Message{Data: []byte("again")}); errors.Is(err, transport.ErrClosed) {
			break
		}
		client.conn.Flush()
	}
	e.checkClosedBy(server, client, transport.CodeProtocol, "what was that?")
	if len(calls) != 1 {
		e.Errorf("Received was called %d times, want once", len(calls))
	}
}

func testCloseBothSides(e *env) {
	for range 10 {
		client, server := e.pair()
		e.sendOnly(client, "a last word")
		e.sendOnly(server, "another")
		var wg sync.WaitGroup
		for _, p := range []*peer{client, server} {
			wg.Go(func() { p.conn.Close(transport.CodeNormal, "bye") })
		}
		wg.Wait()
		e.cause(client)
		e.cause(server)
	}
}

// Close ends a hold.
func testCloseWhileHeld(e *env) {
	client, server := e.pair()
	server.conn.Hold(time.Hour)
	e.send(client, "unheard")
	server.conn.Close(transport.CodeNormal, "never mind")
	if got := e.cause(server); got.Remote || got.Reason != "never mind" {
		e.Errorf("Closed with %v", got)
	}
	e.cause(client)
	if got := server.received(); len(got) > 0 {
		e.Errorf("received %s", short(got))
	}
}

// All methods may be called after a connection has closed.
func testAfterClose(e *env) {
	client, server := e.pair()
	e.send(client, "hello")
	e.arrive(server, "hello")
	e.sendOnly(client, "left in the queue")
	client.conn.Close(transport.CodeNormal, "")
	if err := client.conn.Send(transport.Message{}); !errors.Is(err, transport.ErrClosed) {
		e.Errorf("Send right after Close: %v, want ErrClosed", err)
	}
	e.checkClosedBy(client, server, transport.CodeNormal, "")
	for _, p := range []*peer{client, server} {
		c := p.conn
		for mode := range transport.Mode(3) {
			if err := c.Send(transport.Message{Mode: mode}); !errors.Is(err, transport.ErrClosed) {
				e.Errorf("Send after Closed: %v, want ErrClosed", err)
			}
		}
		c.Flush()
		e.Listener.Flush([]transport.Conn{c})
		c.Hold(time.Second)
		c.Close(transport.CodeNormal, "")
		c.Delivered()
		if b := c.Budget(); b != 0 {
			e.Errorf("Budget after Closed is %d", b)
		}
		if c.Identity().Addr == nil {
			e.Error("Identity has no address after Closed")
		}
		if s := c.Stats(); s.Queued != 0 {
			e.Errorf("%d bytes are queued after Closed", s.Queued)
		}
	}
	if s := server.conn.Stats(); s.MessagesReceived != 2 {
		e.Errorf("%d messages are counted, want 2", s.MessagesReceived)
	}
}

// All methods may be called from any goroutine at any time. There is little to
// see here without the race detector.
func testEverythingAtOnce(e *env) {
	for range 5 {
		client, server := e.pair()
		var wg sync.WaitGroup
		for i := range 8 {
			c := []*peer{client, server}[i%2].conn
			random := rand.New(rand.NewPCG(1, uint64(i)))
			wg.Go(func() {
				for n := range 200 {
					data := make([]byte, random.IntN(min(6000, c.MaxUnreliable())))
					_ = c.Send(transport.Message{
						Data:   data,
						Mode:   transport.Mode(random.IntN(3)),
						Key:    uint64(random.IntN(4)),
						Shared: random.IntN(2) == 0,
					})
					switch random.IntN(6) {
					case 0:
						c.Flush()
					case 1:
						c.Hold(time.Duration(random.IntN(1000)))
					case 2:
						c.Stats()
						c.Budget()
						c.Delivered()
					case 3:
						e.Listener.Flush([]transport.Conn{client.conn, server.conn})
					}
					if i == 0 && n == 150 {
						c.Close(transport.CodeNormal, "in the middle")
					}
				}
			})
		}
		wg.Wait()
		e.cause(client)
		e.cause(server)
	}
}
