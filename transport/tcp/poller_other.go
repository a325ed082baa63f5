//go:build !linux

package tcp

import (
	"net"

	"github.com/culm-net/culm/transport"
)

// pollers do not exist here: package net reads all connections.
type pollers struct{}

func (*pollers) open(*Config, *net.TCPConn, origin, transport.Handler) *Conn { return nil }

type polled struct{}

func (*polled) write(*attempt) { panic("tcp: no pollers on this system") }
