package tcp

import (
	"net"

	"github.com/culm-net/culm/transport"
)

// accept does nothing here: where package net accepts, through one system call
// for all that concerns sockets, it may go on.
func (*pollers) accept(*Listener, *net.TCPListener, transport.Handler) *acceptor { return nil }

type acceptor struct{ ended chan struct{} }

func (*acceptor) close() {}

func (*poller) admit(*acceptor) {}
