package transporttest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/transport"
)

func testIdentity(e *env) {
	client, server := e.pair()
	for _, p := range []*peer{client, server} {
		if p.conn.Identity().Addr == nil {
			e.Error("Identity has no address")
		}
		if p.conn.MaxReliable() <= 0 || p.conn.MaxUnreliable() <= 0 {
			e.Errorf("the longest messages are %d and %d", p.conn.MaxReliable(), p.conn.MaxUnreliable())
		}
	}
	if e.Listener.Addr() == nil {
		e.Error("the listener has no address")
	}
}

// Reliable messages of every length arrive whole, both ways.
func testEverySize(e *env) {
	client, server := e.pair()
	longest := client.conn.MaxReliable()
	for _, way := range []struct{ from, to *peer }{{client, server}, {server, client}} {
		var want []string
		for i, n := range []int{0, 1, 2, 255, 256, 4095, 4096, 4097, 5000, longest / 2, longest, 0, 3, 4097} {
			want = append(want, strings.Repeat(string(rune('a'+i)), min(n, longest)))
		}
		for i, m := range want {
			msg := transport.Message{Data: []byte(m), Shared: i%2 == 0}
			if err := way.from.conn.Send(msg); err != nil {
				e.Fatalf("Send of %d bytes: %v", len(m), err)
			}
			if i%3 == 0 {
				way.from.conn.Flush()
			}
		}
		way.from.conn.Flush()
		e.arrive(way.to, want...)
	}
}

// Unreliable messages of every length arrive whole, if they are sent often
// enough.
func testEveryUnreliableSize(e *env) {
	client, server := e.pair()
	longest := client.conn.MaxUnreliable()
	for i, n := range []int{0, 1, 255, 1000, 1150, 1200, 1243, 1244, 1500, 4097, longest / 2, longest} {
		for mode := transport.Unreliable; mode <= transport.Latest; mode++ {
			want := strings.Repeat(string(rune('a'+i)), min(n, longest))
			m := transport.Message{Data: []byte(want), Mode: mode, Key: 7, Shared: i%2 == 0}
			for _, way := range []struct{ from, to *peer }{{client, server}, {server, client}} {
				before := len(way.to.received())
				tries := 0
				e.until(fmt.Sprintf("one of %d bytes in mode %d", len(want), mode), func() bool {
					if tries%20 == 0 {
						if err := way.from.conn.Send(m); err != nil {
							e.Fatalf("Send of %d bytes in mode %d: %v", len(want), mode, err)
						}
						way.from.conn.Flush()
					}
					tries++
					return slices.Contains(way.to.received()[before:], want)
				})
			}
		}
	}
	for _, p := range []*peer{client, server} {
		for _, m := range p.received() {
			if strings.Trim(m, m[:min(1, len(m))]) != "" {
				e.Errorf("messages were mixed: received %d bytes %s", len(m), short([]string{m}))
			}
		}
	}
}

// Send copies what is not Shared before it returns.
func testSendCopies(e *env) {
	client, server := e.pair()
	var want []string
	for _, n := range []int{10, 4096, 5000, 60_000} {
		data := bytes.Repeat([]byte("x"), min(n, client.conn.MaxReliable()))
		want = append(want, string(data))
		if err := client.conn.Send(transport.Message{Data: data}); err != nil {
			e.Fatal(err)
		}
		clear(data)
	}
	client.conn.Flush()
	e.arrive(server, want...)
}

// A handler may write into messages, which changes nothing for anybody else:
// the others of its batch, or who shared the message.
func testHandlerMayWrite(e *env) {
	e.server.on(nil, func(_ *peer, msgs [][]byte) {
		for i, m := range msgs {
			clear(m)
			msgs[i] = append(m, "more than there was"...)
		}
		clear(msgs)
	})
	c1, s1 := e.pair()
	c2, s2 := e.pair()
	var want []string
	for i := range 10 {
		m := strings.Repeat(fmt.Sprint(i), min(1+i*1000, c1.conn.MaxReliable()))
		want = append(want, m)
		data := []byte(m)
		for _, c := range []*peer{c1, c2} {
			if err := c.conn.Send(transport.Message{Data: data, Shared: true}); err != nil {
				e.Fatal(err)
			}
			c.conn.Flush()
		}
		e.until("the message", func() bool { return len(s1.received()) > i && len(s2.received()) > i })
		if string(data) != m {
			e.Fatal("a message that was shared has changed")
		}
	}
	e.arrive(s1, want...)
	e.arrive(s2, want...)
}

// What one goroutine sends arrives in that order.
func testOrderOfManySenders(e *env) {
	const senders, each = 8, 300
	client, server := e.pair()
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				err := client.conn.Send(transport.Message{Data: fmt.Appendf(nil, "%d %d", s, i)})
				if err != nil {
					e.Errorf("Send: %v", err)
					return
				}
				if i%7 == 0 {
					client.conn.Flush()
				}
			}
			client.conn.Flush()
		})
	}
	wg.Wait()
	e.until("all messages", func() bool { return len(server.received()) >= senders*each })
	var next [senders]int
	for _, m := range server.received() {
		var s, i int
		if _, err := fmt.Sscanf(m, "%d %d", &s, &i); err != nil {
			e.Fatalf("received %q", m)
		}
		if i != next[s] {
			e.Fatalf("sender %d: received message %d, want %d", s, i, next[s])
		}
		next[s]++
	}
}

// ErrTooLarge leaves nothing queued and the connection usable.
func testTooLarge(e *env) {
	client, server := e.pair()
	c := client.conn
	for mode, limit := range map[transport.Mode]int{
		transport.Reliable:   c.MaxReliable(),
		transport.Unreliable: c.MaxUnreliable(),
		transport.Latest:     c.MaxUnreliable(),
	} {
		for _, shared := range []bool{false, true} {
			err := c.Send(transport.Message{Data: make([]byte, limit+1), Mode: mode, Shared: shared})
			if !errors.Is(err, transport.ErrTooLarge) {
				e.Errorf("mode %d: Send of %d bytes: %v, want ErrTooLarge", mode, limit+1, err)
			}
		}
	}
	if q := c.Stats().Queued; q != 0 {
		e.Errorf("%d bytes are queued of what was refused", q)
	}
	e.send(client, "fits")
	e.arrive(server, "fits")
}

// slow makes a side take little of what it is sent, until the returned
// function is called.
func (e *env) slow(s *side) (hasten func()) {
	var done atomic.Bool
	hold := func(c transport.Conn) {
		if !done.Load() {
			c.Hold(20 * time.Millisecond)
		}
	}
	s.on(hold, func(p *peer, _ [][]byte) { hold(p.conn) })
	return func() { done.Store(true) }
}

// fill sends until the queue is full and returns how many messages it took.
func (e *env) fill(p *peer, shared bool) int {
	data := bytes.Repeat([]byte("f"), min(8000, p.conn.MaxReliable()))
	for n := 0; ; n++ {
		err := p.conn.Send(transport.Message{Data: data, Shared: shared})
		if errors.Is(err, transport.ErrFull) {
			return n
		}
		if err != nil {
			e.Fatalf("Send: %v", err)
		}
		if n*len(data) > 1<<30 {
			e.Fatal("1 GiB was queued without ErrFull")
		}
		p.conn.Flush()
	}
}

// Send never waits for a peer that does not read: it answers ErrFull at the
// limit. All that it took before arrives.
func testFullQueue(e *env) {
	for _, shared := range []bool{false, true} {
		hasten := e.slow(e.server)
		client, server := e.pair()
		n := e.fill(client, shared)
		if q := client.conn.Stats().Queued; q > e.SendQueue || q < e.SendQueue/4 {
			e.Errorf("%d bytes are queued when the queue is full, the limit is %d", q, e.SendQueue)
		}
		if b := client.conn.Budget(); b > e.SendQueue-client.conn.Stats().Queued {
			e.Errorf("Budget is %d, more than the queue has room", b)
		}
		left := client.conn.Stats().Left
		hasten()
		e.until("all messages", func() bool { return len(server.received()) >= n })
		e.send(client, "end")
		e.until("one more", func() bool { return len(server.received()) > n })
		if got := server.received(); len(got) != n+1 || got[n] != "end" {
			e.Errorf("received %d messages of %d", len(got), n+1)
		}
		e.until("a queue that is empty", func() bool { return client.conn.Stats().Queued == 0 })
		if s := client.conn.Stats(); s.Left <= left || s.Left < s.BytesSent {
			e.Errorf("%d bytes of %d have left, %d when the queue was full", s.Left, s.BytesSent, left)
		}
		e.until("a budget", func() bool { return client.conn.Budget() > 0 })
	}
}

// A newer message of a key takes the place of an older one that is unsent.
func testLatestReplaces(e *env) {
	client, server := e.pair()
	latest := func(key uint64, data string) {
		e.Helper()
		err := client.conn.Send(transport.Message{Data: []byte(data), Mode: transport.Latest, Key: key})
		if err != nil {
			e.Fatal(err)
		}
	}
	versions := []string{"a0", "a1", strings.Repeat("a2", 40), strings.Repeat("a3", 300), "", "a5"}
	for i, v := range versions {
		latest(1, v)
		if i == 2 {
			latest(2, "b")
			e.sendOnly(client, "reliable")
		}
	}
	dropped := int(client.conn.Stats().Dropped)
	client.conn.Flush()
	e.sendOnly(client, "end")
	client.conn.Flush()
	if e.Lossy {
		return // what arrives says nothing
	}
	total := len(versions) + 3
	e.until("what was not replaced", func() bool { return len(server.received()) >= total-dropped })
	got := server.received()
	if len(got) != total-dropped {
		e.Fatalf("%d messages arrive, want %d sent less %d dropped", len(got), total, dropped)
	}
	// Whatever was sent early, what was not is newer.
	last := -1
	for i, m := range got {
		if j := slices.Index(versions, m); j >= 0 {
			if j < last {
				e.Errorf("version %d arrives after version %d", j, last)
			}
			last = j
			if dropped == len(versions)-1 && i != 0 {
				e.Errorf("the newest version arrives as message %d, not in the place of the first", i)
			}
		}
	}
	if last != len(versions)-1 {
		e.Errorf("the newest version that arrives is %d", last)
	}
}

func (e *env) sendOnly(p *peer, m string) {
	e.Helper()
	if err := p.conn.Send(transport.Message{Data: []byte(m)}); err != nil {
		e.Fatal(err)
	}
}

// While a peer takes nothing, a key costs no more than one message.
func testLatestUnderPressure(e *env) {
	hasten := e.slow(e.server)
	client, server := e.pair()
	c := client.conn
	n := 0
	filler := make([]byte, min(1000, c.MaxReliable()))
	for ; c.Stats().Queued < e.SendQueue/2; n++ {
		if err := c.Send(transport.Message{Data: filler}); err != nil {
			e.Fatalf("Send: %v", err)
		}
		c.Flush()
	}
	const versions = 5000
	for i := range versions {
		for key := range uint64(3) {
			data := fmt.Appendf(nil, "%d %d", key, i)
			if err := c.Send(transport.Message{Data: data, Mode: transport.Latest, Key: key}); err != nil {
				e.Fatalf("version %d of key %d: %v", i, key, err)
			}
			c.Flush()
		}
	}
	hasten()
	e.sendOnly(client, "end")
	c.Flush()
	e.until("the end", func() bool { return slices.Contains(server.received(), "end") })
	if !e.Stream {
		return // what arrives says nothing
	}
	e.until("the newest versions", func() bool {
		got := server.received()
		for key := range 3 {
			if !slices.Contains(got, fmt.Sprintf("%d %d", key, versions-1)) {
				return false
			}
		}
		return true
	})
	if got, want := uint64(len(server.received())), uint64(n+3*versions+1)-c.Stats().Dropped; got != want {
		e.Errorf("%d messages arrive, want %d", got, want)
	}
}

// One Flush for many connections, those of others included.
func testFlushMany(e *env) {
	const n = 150
	var conns []transport.Conn
	var to []*peer
	for range n {
		client, server := e.pair()
		conns = append(conns, server.conn)
		to = append(to, client)
		if len(conns)%50 == 0 {
			conns = append(conns, client.conn)
			to = append(to, server)
		}
	}
	for _, k := range []int{1, 2, len(conns)} {
		for _, p := range to {
			p.mu.Lock()
			p.msgs = nil
			p.mu.Unlock()
		}
		for i, c := range conns[:k] {
			if err := c.Send(transport.Message{Data: fmt.Append(nil, i)}); err != nil {
				e.Fatal(err)
			}
		}
		e.Listener.Flush(conns[:k])
		for i := range k {
			e.arrive(to[i], fmt.Sprint(i))
		}
	}
	e.Listener.Flush(nil)
}
