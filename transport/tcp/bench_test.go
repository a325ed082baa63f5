package tcp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/culm-net/culm/transport"
)

// collect is a handler that gives each opened connection to a channel.
type collect struct {
	opened chan transport.Conn
	closed chan error
}

func newCollect(n int) *collect {
	return &collect{opened: make(chan transport.Conn, n), closed: make(chan error, n)}
}

func (h *collect) Opened(c transport.Conn)                  { h.opened <- c }
func (h *collect) Received(c transport.Conn, msgs [][]byte) {}
func (h *collect) Closed(c transport.Conn, err error)       { h.closed <- err }

// peers makes n connections whose other ends only read, and returns this
// side's.
func peers(b *testing.B, n int) (*Listener, []transport.Conn) {
	l, err := Listen("127.0.0.1:0", Config{})
	if err != nil {
		b.Fatal(err)
	}
	h := newCollect(n)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Serve(ctx, h) })
	conns := make([]transport.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			buf := make([]byte, 1<<16)
			for {
				if _, err := c.Read(buf); err != nil {
					_ = c.Close()
					return
				}
			}
		})
		conns[i] = <-h.opened
	}
	b.Cleanup(func() {
		for _, c := range conns {
			c.Close(transport.CodeNormal, "")
		}
		for range conns {
			<-h.closed
		}
		cancel()
		wg.Wait()
	})
	return l, conns
}

// BenchmarkFanOut sends rounds of messages to 100 connections; ns/msg is the
// wall time, kernel and reading peers included, of one delivery.
func BenchmarkFanOut(b *testing.B) {
	for _, bench := range []struct{ size, batch int }{{28, 1}, {28, 10}, {28, 100}, {8192, 1}} {
		b.Run(fmt.Sprintf("size=%d/batch=%d", bench.size, bench.batch), func(b *testing.B) {
			l, conns := peers(b, 100)
			m := transport.Message{Data: make([]byte, bench.size), Shared: true}
			b.ReportAllocs()
			for b.Loop() {
				for range bench.batch {
					for _, c := range conns {
						for c.Send(m) != nil { // the readers are behind
							runtime.Gosched()
						}
					}
				}
				l.Flush(conns)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bench.batch*len(conns)), "ns/msg")
		})
	}
}

// counter counts messages and lets who sends them wait.
type counter struct {
	*collect
	left int
	done chan struct{}
}

func (h *counter) Received(_ transport.Conn, msgs [][]byte) {
	if h.left -= len(msgs); h.left <= 0 {
		h.left += perRound
		h.done <- struct{}{}
	}
}

const perRound = 1000

// BenchmarkReceive reads messages of 28 bytes from one peer.
func BenchmarkReceive(b *testing.B) {
	l, err := Listen("127.0.0.1:0", Config{Pace: -1})
	if err != nil {
		b.Fatal(err)
	}
	h := &counter{collect: newCollect(1), left: perRound, done: make(chan struct{}, 1)}
	served := make(chan error, 1)
	go func() { served <- l.Serve(context.Background(), h) }()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	round := bytes.Repeat(append([]byte{28, 0}, make([]byte, 28)...), perRound)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := peer.Write(round); err != nil {
			b.Fatal(err)
		}
		<-h.done
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perRound), "ns/msg")
	_ = peer.Close()
	<-h.closed
	_ = l.Close()
	<-served
}
