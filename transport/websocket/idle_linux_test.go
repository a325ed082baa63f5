package websocket

import (
	"net"
	"runtime"
	"syscall"
	"testing"
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
	h := echo{newCollect(n)}
	l := serve(b, Config{}, h)
	exchange := func(fd int, says string, answer int) {
		if _, err := syscall.Write(fd, []byte(says)); err != nil {
			b.Fatal(err)
		}
		for buf := make([]byte, 512); answer > 0; {
			k, err := syscall.Read(fd, buf[:min(answer, len(buf))])
			if err != nil || k == 0 {
				b.Fatal(k, err)
			}
			answer -= k
		}
	}
	accepted := len("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nUpgrade: websocket\r\n\r\n")
	for b.Loop() {
		before := inUse()
		fds := make([]int, n)
		for i := range fds {
			fds[i] = dialBare(b, l.Addr())
			exchange(fds[i], request+"\r\n", accepted)
			next(b, h.opened)
			hello := frame(opBinary, "hello")
			exchange(fds[i], hello[:3], 0)
			exchange(fds[i], hello[3:], 2+len("hello"))
		}
		b.ReportMetric(float64(inUse()-before)/n, "B/conn")
		for _, fd := range fds {
			_ = syscall.Close(fd)
			next(b, h.closed)
		}
	}
}
