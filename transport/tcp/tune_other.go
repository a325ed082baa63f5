//go:build !linux

package tcp

import "net"

// tune has nothing to do here: keep-alive alone finds dead peers.
func tune(*net.TCPConn) {}
