package tcp

import (
	"net"

	"github.com/culm-net/culm/transport"
)

// accept returns nil: here one system call, socketcall(2), is for all that
// concerns sockets, and package net goes on to accept.
func (*pollers) accept(*Listener, *net.TCPListener, transport.Handler) *acceptor { return nil }

type acceptor struct{ ended chan struct{} }

func (*acceptor) close() {}

func (*poller) admit(*acceptor) {}
