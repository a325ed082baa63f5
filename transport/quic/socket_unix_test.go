//go:build unix

package quic

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"
)

// Where there is no way just now is an error while dialing, and a lost packet
// afterwards. quic-go hears of all else: of packets that are too long for the
// path, of offloading that does not work, and of the end.
func TestTolerantSocket(t *testing.T) {
	s, err := openSocket("udp4", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for errno, passing := range map[error]bool{
		syscall.ENETUNREACH: true, syscall.EHOSTUNREACH: true, syscall.ENETDOWN: true, syscall.EPERM: true, syscall.ENOBUFS: true,
		syscall.EMSGSIZE: false, syscall.EIO: false, net.ErrClosed: false, os.ErrDeadlineExceeded: false,
	} {
		err := &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("sendmsg", errno)}
		for _, settled := range []bool{false, true} {
			s.udp.settled.Store(settled)
			if got := s.udp.tolerates(err); got != (settled && passing) {
				t.Errorf("settled %v: %v is tolerated: %v", settled, err, got)
			}
		}
	}
	if s.udp.tolerates(nil) {
		t.Error("no error is one")
	}
	here := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	if _, _, err := s.udp.WriteMsgUDP(make([]byte, 70_000), nil, here); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("a packet that is too long: %v", err)
	}
	s.release()
	if _, err := s.udp.WriteTo(nil, here); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
