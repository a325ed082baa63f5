//go:build !windows

package tcp

import (
	"errors"
	"os"
	"syscall"
)

// isReset reports whether the peer has torn the connection down.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isDead reports whether the system, or this side, has given the peer up.
func isDead(err error) bool {
	return errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, os.ErrDeadlineExceeded)
}
