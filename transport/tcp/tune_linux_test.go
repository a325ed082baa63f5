package tcp

import (
	"syscall"
	"testing"
	"time"
)

// Both ends find out that the other is dead within 90 s, whether they wait for
// an acknowledgement or just sit there.
func TestDeadPeersAreFound(t *testing.T) {
	h := newCollect(1)
	l := serve(t, Config{}, h)
	dialed, err := Dial(t.Context(), l.Addr().String(), Config{}, newCollect(1))
	if err != nil {
		t.Fatal(err)
	}
	accepted := (<-h.opened).(*Conn)
	for _, c := range []*Conn{dialed, accepted} {
		get := func(level, option int) (v int) {
			t.Helper()
			cerr := c.raw.Control(func(fd uintptr) { v, err = syscall.GetsockoptInt(int(fd), level, option) })
			if cerr != nil || err != nil {
				t.Fatal(cerr, err)
			}
			return v
		}
		if get(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) == 0 || get(syscall.IPPROTO_TCP, syscall.TCP_NODELAY) == 0 {
			t.Error("keep-alive or no-delay is off")
		}
		idle := get(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE) +
			get(syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL)*get(syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT)
		if idle > 90 {
			t.Errorf("a dead peer is found after %d s", idle)
		}
		if d := time.Duration(get(syscall.IPPROTO_TCP, tcpUserTimeout)) * time.Millisecond; d <= 0 || d > 90*time.Second {
			t.Errorf("what is not acknowledged is given up after %v", d)
		}
		if got := get(syscall.IPPROTO_TCP, tcpNotSentLowat); got != maxUnsent {
			t.Errorf("the system queues %d bytes", got)
		}
	}
	dialed.Close(0, "")
	<-h.closed
}
