//go:build !linux

package tcp

import (
	"net"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// pollers do not exist here: package net reads all connections.
type pollers struct{}

func (*pollers) open(*Config, *net.TCPConn, proxy.Origin, transport.Handler) *Conn { return nil }

func (*pollers) accept(*Listener, *net.TCPListener, transport.Handler) *acceptor { return nil }

type acceptor struct{ ended chan struct{} }

func (*acceptor) close() {}

type polled struct{}

func (*polled) write(*attempt) { panic("tcp: no pollers on this system") }
