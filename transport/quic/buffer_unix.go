//go:build unix

package quic

import (
	"net"
	"syscall"
)

// receiveBuffer is how large the system has made the socket's receive buffer.
func receiveBuffer(udp *net.UDPConn) (bytes int, known bool) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return 0, false
	}
	var serr error
	err = raw.Control(func(fd uintptr) {
		bytes, serr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	return bytes, err == nil && serr == nil
}
