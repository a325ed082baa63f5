package tcp

import (
	"context"
	"fmt"
	"net"
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
						if err := c.Send(m); err != nil {
							b.Fatal(err)
						}
					}
				}
				l.Flush(conns)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bench.batch*len(conns)), "ns/msg")
		})
	}
}
