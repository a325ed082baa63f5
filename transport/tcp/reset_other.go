//go:build !windows

package tcp

import (
	"errors"
	"syscall"
)

// isReset reports whether the peer has torn the connection down.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
