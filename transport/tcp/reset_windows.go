package tcp

import (
	"errors"
	"syscall"
)

// isReset reports whether the peer has torn the connection down.
func isReset(err error) bool {
	return errors.Is(err, syscall.WSAECONNRESET) || errors.Is(err, syscall.WSAECONNABORTED)
}
