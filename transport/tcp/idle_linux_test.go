package tcp

import (
	"context"
	"net"
	"runtime"
	"syscall"
	"testing"

	"github.com/culm-net/culm/transport"
)

// dialBare connects without anything of package net, so that the peer's own
// memory is not in what is measured.
func dialBare(tb testing.TB, addr net.Addr) int {
	tb.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	a := addr.(*net.TCPAddr)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}); err != nil {
		tb.Fatal(err)
	}
	return fd
}

func inUse() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// BenchmarkIdle reports what an idle connection holds of heap and stack, after
// it has received something in two pieces and has sent something.
func BenchmarkIdle(b *testing.B) {
	const n = 4000
	l, err := Listen("127.0.0.1:0", Config{Pace: -1})
	if err != nil {
		b.Fatal(err)
	}
	r := &echo{collect: *newCollect(n)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, r) }()
	for b.Loop() {
		before := inUse()
		fds := make([]int, n)
		for i := range fds {
			fds[i] = dialBare(b, l.Addr())
			<-r.opened
			for _, part := range []string{"\x05", "\x00hel", "lo"} {
				if _, err := syscall.Write(fds[i], []byte(part)); err != nil {
					b.Fatal(err)
				}
			}
			for got, buf := 0, make([]byte, 7); got < 7; {
				k, err := syscall.Read(fds[i], buf)
				if err != nil {
					b.Fatal(err)
				}
				got += k
			}
		}
		b.ReportMetric(float64(inUse()-before)/n, "B/conn")
		for _, fd := range fds {
			_ = syscall.Close(fd)
			<-r.closed
		}
	}
	cancel()
	<-done
}

// echo sends back what it receives.
type echo struct{ collect }

func (h *echo) Received(c transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		_ = c.Send(transport.Message{Data: m})
	}
	c.Flush()
}
