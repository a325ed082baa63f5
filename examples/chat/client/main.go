// Command client is a client of the chat: it greets, walks about, says what is
// typed, and prints who it sees and where.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/examples/chat/game"
	"github.com/culm-net/culm/pipes/settings"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	name := flag.String("name", someName(), "what to be called")
	server := flag.String("server", "", "HOST:PORT of the server; without it, pipes-port of this machine")
	fingerprint := flag.String("fingerprint", "", "fingerprint of the server's certificate, which the server prints")
	s, err := settings.Parse(flag.CommandLine, os.Args[1:], os.Environ())
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q is no flag; -help lists them", flag.Arg(0))
	}
	if *server == "" {
		*server = fmt.Sprintf("127.0.0.1:%d", s.Port)
	}
	if err == nil {
		err = run(ctx, s, *name, *server, *fingerprint)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run plays until ctx is done, or the server does not want the client.
func run(ctx context.Context, s settings.Settings, name, server, fingerprint string) error {
	if _, err := game.PackAvatarIntroduce(nil, name); err != nil {
		return fmt.Errorf("-name: %w", err)
	}
	dial, err := dialer(server, fingerprint)
	if err != nil {
		return err
	}

	v := newVisitor(name, os.Stdout)
	delay, ratio := s.Interpolation()
	c, err := client.New(client.Config{
		Schema:       game.Schema(),
		Dial:         dial,
		Password:     s.Password,
		UpdateRate:   uint16(s.UpdateRate),
		CommandRate:  uint16(s.CommandRate),
		Interp:       delay,
		InterpRatio:  ratio,
		PingInterval: s.Ping(),
		Clock:        s.Clock(),
		// A server that is killed says nothing: so many pings without an answer
		// are enough.
		SilentTimeout: 10 * s.Ping(),
		Log:           slog.New(slog.DiscardHandler), // what matters is printed
		Events:        client.Events{Connected: v.connected, Lost: v.lost, Frame: v.frame},
	})
	if err != nil {
		return err
	}
	if err := v.register(c); err != nil {
		return err
	}
	go readLines(os.Stdin, c, v)
	return c.Run(ctx)
}

// dialer returns how to connect to the server.
func dialer(server, fingerprint string) (func(context.Context, transport.Handler) (transport.Conn, error), error) {
	var cfg quic.Config
	host, _, err := net.SplitHostPort(server)
	switch {
	case err != nil:
		return nil, fmt.Errorf("-server: %w", err)
	case fingerprint != "":
		pin, err := quic.ParseFingerprint(fingerprint)
		if err != nil {
			return nil, fmt.Errorf("-fingerprint: %w", err)
		}
		cfg.Pins = []quic.Fingerprint{pin}
	case net.ParseIP(host).IsLoopback():
		cfg.Insecure = true // nobody is on the way from this machine to itself
	default:
		return nil, errors.New("-fingerprint is missing: copy it from what the server has printed")
	}
	return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		conn, err := quic.Dial(ctx, server, cfg, h)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}, nil
}

// readLines says what is typed.
func readLines(in io.Reader, c *client.Client, v *visitor) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		text := lines.Text()
		if text != "" && !c.Do(func() { v.chat(text) }) {
			return
		}
	}
}

func someName() string {
	names := []string{"Anna", "Bert", "Cleo", "Dora", "Emil", "Fay", "Gus"}
	return names[rand.IntN(len(names))]
}
