package quic

import (
	"errors"
	"os"
	"slices"
	"syscall"
)

// Errors of Windows Sockets, which package syscall does not name.
const (
	wsaEADDRNOTAVAIL = syscall.Errno(10049)
	wsaENETDOWN      = syscall.Errno(10050)
	wsaENETUNREACH   = syscall.Errno(10051)
	wsaENOBUFS       = syscall.Errno(10055)
	wsaEHOSTDOWN     = syscall.Errno(10064)
	wsaEHOSTUNREACH  = syscall.Errno(10065)
)

// isPassing reports whether a packet could not be sent for a reason that may
// pass: no route, no address, no room, or a firewall's veto.
func isPassing(err error) bool {
	var e syscall.Errno
	return errors.Is(err, os.ErrPermission) || errors.As(err, &e) && slices.Contains([]syscall.Errno{
		wsaEADDRNOTAVAIL, wsaENETDOWN, wsaENETUNREACH, wsaENOBUFS, wsaEHOSTDOWN, wsaEHOSTUNREACH,
	}, e)
}
