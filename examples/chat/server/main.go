// Command server is the server of the chat: a room in which a panda goes round,
// and an avatar for each client.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/settings"
	"github.com/culm-net/culm/transport/quic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	host := flag.String("host", "127.0.0.1", "address to listen on; 0.0.0.0 lets other machines in")
	s, err := settings.Parse(flag.CommandLine, os.Args[1:], os.Environ())
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q is no flag; -help lists them", flag.Arg(0))
	}
	if err == nil {
		err = run(ctx, s, *host, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, s settings.Settings, host string, out io.Writer) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	r, err := newRoom(netclock.Rate(s.TickRate), out, log)
	if err != nil {
		return err
	}
	server, err := pipes.NewServer(pipes.Config{
		World:         r.world,
		Password:      s.Password,
		MaxClients:    s.MaxClients,
		MinUpdateRate: s.MinUpdateRate,
		MaxUpdateRate: s.MaxUpdateRate,
		Log:           log,
	})
	if err != nil {
		return err
	}
	l, err := quic.Listen(net.JoinHostPort(host, strconv.Itoa(s.Port)), quic.Config{Log: log})
	if err != nil {
		return fmt.Errorf("%w; choose another -pipes-port or -host", err)
	}
	fingerprint, err := l.Fingerprint()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	addr := l.Addr().String()
	if host, port, err := net.SplitHostPort(addr); err == nil && net.ParseIP(host).IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	// The certificate was made just now, and nobody has signed it: clients know
	// the server by its fingerprint.
	fmt.Fprintf(out, "The chat is open. In another terminal:\n\n    go run ./examples/chat/client -server %s -fingerprint %s\n\n", addr, fingerprint)

	// The world goes on until the last client has been told goodbye.
	ticking, stopWorld := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.world.Run(ticking) }()
	err = server.Serve(ctx, l)
	stopWorld()
	return errors.Join(err, <-done)
}
