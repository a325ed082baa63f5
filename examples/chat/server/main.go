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

	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/settings"
	"github.com/culm-net/culm/transport/quic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "server:", err)
		}
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	s := settings.Default()
	if err := s.Environ(os.Environ()); err != nil {
		return err
	}
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(errOut)
	host := flags.String("host", "127.0.0.1", "address to listen on; 0.0.0.0 lets other machines in")
	s.Flags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}

	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
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
	l, err := quic.Listen(net.JoinHostPort(*host, strconv.Itoa(s.Port)), quic.Config{Log: log})
	if err != nil {
		return fmt.Errorf("%w; choose another port with -pipes-port", err)
	}
	fingerprint, err := l.Fingerprint()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	// The certificate was made just now, and nobody has signed it: clients know
	// the server by its fingerprint.
	fmt.Fprintf(out, "The chat is open. In another terminal:\n\n    go run ./examples/chat/client -server %s -fingerprint %s\n\n", l.Addr(), fingerprint)

	// The world goes on until the last client has been told goodbye.
	ticking, stopWorld := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.world.Run(ticking) }()
	err = server.Serve(ctx, l)
	stopWorld()
	return errors.Join(err, <-done)
}
