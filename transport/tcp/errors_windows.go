package tcp

import (
	"errors"
	"os"
	"syscall"
)

// isReset reports whether the peer has torn the connection down.
func isReset(err error) bool {
	return errors.Is(err, syscall.WSAECONNRESET) || errors.Is(err, syscall.WSAECONNABORTED)
}

// What Windows says when keep-alive or acknowledgements do not come. Package
// syscall's ETIMEDOUT is a number of its own there.
const (
	wsaENETRESET = syscall.Errno(10052)
	wsaETIMEDOUT = syscall.Errno(10060)
)

// isDead reports whether the system, or this side, has given the peer up.
func isDead(err error) bool {
	return errors.Is(err, wsaETIMEDOUT) || errors.Is(err, wsaENETRESET) || errors.Is(err, os.ErrDeadlineExceeded)
}
