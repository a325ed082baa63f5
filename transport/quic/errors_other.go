//go:build !windows

package quic

import (
	"errors"
	"os"
	"slices"
	"syscall"
)

// isPassing reports whether a packet could not be sent for a reason that may
// pass: no route, no address, no room, or a firewall's veto.
func isPassing(err error) bool {
	var e syscall.Errno
	return errors.Is(err, os.ErrPermission) || errors.As(err, &e) && slices.Contains([]syscall.Errno{
		syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN,
		syscall.EADDRNOTAVAIL, syscall.ENOBUFS,
	}, e)
}
