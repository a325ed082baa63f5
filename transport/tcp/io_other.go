//go:build !unix

package tcp

import (
	"net"
	"sync/atomic"
	"syscall"
)

// rawConn returns nil: every read and write may wait here.
func rawConn(net.Conn) syscall.RawConn { return nil }

func (c *Conn) readRaw() error { panic("tcp: no raw connection on this system") }

func (c *Conn) readOnce(uintptr) bool { panic("tcp: no raw connection on this system") }

type attemptOS struct{}

func (a *attempt) init() {}

func (a *attempt) write(syscall.RawConn, *atomic.Bool) (n, want int, err error) {
	panic("tcp: no raw connection on this system")
}
