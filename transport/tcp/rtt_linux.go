//go:build linux && !386 && !s390x

package tcp

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"
)

// roundTrip asks the system for the smoothed round-trip time.
func roundTrip(raw syscall.RawConn) time.Duration {
	if raw == nil {
		return 0
	}
	var info [104]byte // struct tcp_info up to its first version's end
	const rtt = 68     // offset of tcpi_rtt, in microseconds
	size := uint32(len(info))
	var errno syscall.Errno
	err := raw.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	if err != nil || errno != 0 || size < rtt+4 {
		return 0
	}
	return time.Duration(binary.NativeEndian.Uint32(info[rtt:])) * time.Microsecond
}
