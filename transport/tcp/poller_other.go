//go:build !linux

package tcp

import (
	"net"

	"github.com/culm-net/culm/transport"
)

// pollers do not exist here: package net reads all connections.
type pollers struct{}

func (*pollers) open(*Config, *net.TCPConn, origin, transport.Handler) *Conn { return nil }

// door does not exist either.
type door struct{}

func (*Listener) openDoor(transport.Handler) *door { return nil }

func (*door) wait() (net.Conn, error) { panic("tcp: no pollers on this system") }

func (*door) close() {}

type polled struct{}

func (*polled) write(*attempt) { panic("tcp: no pollers on this system") }
