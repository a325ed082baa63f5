//go:build unix && !linux

package tcp

import "syscall"

// recv reads from the socket.
func (*Conn) recv(fd int, b []byte) (int, error) { return syscall.Read(fd, b) }

type vectors struct{}

// send writes bufs one after the other, until one does not go whole.
func (a *attempt) send(fd int) (int, error) {
	sum := 0
	for _, b := range a.bufs {
		n, err := ignoringEINTR(func() (int, error) { return syscall.Write(fd, b) })
		sum += max(n, 0)
		if err != nil || n < len(b) {
			return sum, err
		}
	}
	return sum, nil
}
