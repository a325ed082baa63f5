package websocket

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/culm-net/culm/transport"
)

// BenchmarkFanOut sends rounds of messages to 100 connections; ns/msg is the
// wall time, kernel and reading peers included, of one delivery. Package tcp
// has the same.
func BenchmarkFanOut(b *testing.B) {
	for _, bench := range []struct{ size, batch int }{{28, 1}, {28, 10}, {28, 100}, {8192, 1}} {
		b.Run(fmt.Sprintf("size=%d/batch=%d", bench.size, bench.batch), func(b *testing.B) {
			const n = 100
			h := newCollect(n)
			l := serve(b, Config{}, h)
			conns := make([]transport.Conn, n)
			for i := range conns {
				peer := dialRaw(b, l.Addr()).upgrade()
				_ = peer.SetDeadline(noDeadline)
				go func() {
					_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{peer}, make([]byte, 1<<16))
				}()
				conns[i] = next(b, h.opened)
			}
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
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bench.batch*n), "ns/msg")
		})
	}
}

// counter counts messages and lets who sends them wait.
type counter struct {
	*collect
	left int
	done chan struct{}
}

const perRound = 1000

func (h *counter) Received(_ transport.Conn, msgs [][]byte) {
	if h.left -= len(msgs); h.left <= 0 {
		h.left += perRound
		h.done <- struct{}{}
	}
}

// BenchmarkReceive reads messages of 28 bytes from one peer. Package tcp has
// the same.
func BenchmarkReceive(b *testing.B) {
	h := &counter{collect: newCollect(1), left: perRound, done: make(chan struct{}, 1)}
	peer := dialRaw(b, serve(b, Config{}, h).Addr()).upgrade()
	_ = peer.SetDeadline(noDeadline)
	round := []byte(strings.Repeat(frame(opBinary, strings.Repeat("x", 28)), perRound))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := peer.Write(round); err != nil {
			b.Fatal(err)
		}
		<-h.done
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perRound), "ns/msg")
}
